#pragma once
#include "../error.h"

/* The directories that disks may be in: the store's own and those given with -o allow=DIR.  Each
 * is opened once; everything below is reached from there without following a symbolic link
 * (openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS), but for those of block devices in a
 * directory below /dev that was given (device.h). */
typedef struct Places Places;

/* @store: opened as it is named (it may be a link itself). */
Places *places_open (const char *store, const char *const *allow, GError **error);
void places_close (Places *places);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Places, places_close)

/* The program that works a site's own storage (hook.h), and the seconds that one run of it may
 * take; before anybody else has @places.  NULL: there is none. */
void places_set_hook (Places *places, const char *program, guint deadline);
const char *places_hook (const Places *places);
guint places_hook_deadline (const Places *places);

int places_store_fd (const Places *places);           /* borrowed */
const char *places_store_path (const Places *places); /* absolute, links resolved */

/* All of them; the first is the store. */
guint places_count (const Places *places);
int places_fd (const Places *places, guint index);           /* borrowed */
const char *places_path (const Places *places, guint index); /* absolute, links resolved */

/* @path, absolute or relative to @directory (itself absolute), made absolute, with "." and ".."
 * taken out textually.  Free with g_free. */
char *places_absolute (const char *directory, const char *path);

/* The one spelling of an absolute path below a place: that place's path, links resolved, and the
 * rest, also when it begins as the place was named.  NULL: it is below none.  Free with g_free. */
char *places_canonical (const Places *places, const char *path);

/* Whether block devices at the absolute @path may be disks. */
gboolean places_have_devices (const Places *places, const char *path);

/* Opens an absolute path below one of the places, or what was there in a snapshot of ZFS's. DENIED,
 * with a sentence that names -o allow=, when it is below none of them; otherwise as openat2, errno
 * too.  -1 on error. */
int places_open_path (const Places *places, const char *path, int flags, GError **error);

/* How records and journals spell an absolute path: relative below the store, so that a store can
 * be moved.  Free with g_free.  places_resolve is the other way round. */
char *places_spell (const Places *places, const char *path);
char *places_resolve (const Places *places, const char *spelling);
