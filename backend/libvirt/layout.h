#pragma once
#include "../xml.h"

/* Which files hold the disks of a machine, or held them at a snapshot, as libvirt's XML says. */

typedef struct {
  char *file;   /* or the path of a block device; NULL: neither, it is on a network, say */
  char *format; /* NULL: not said */
} LayoutFile;

typedef struct {
  char *target;      /* vda */
  GPtrArray *files;  /* of LayoutFile: what the disk is read through, the top first; at least one */
  char *overlay;     /* what the machine writes to since the snapshot; NULL: no file of its own */
  gboolean internal; /* the snapshot is inside the image */
} LayoutDisk;

typedef struct {
  char *name;
  char *parent; /* name; NULL: none */
  char *state;  /* libvirt's word */
  gboolean external_memory;
  gboolean internal_memory;
  GPtrArray *disks; /* of LayoutDisk; device='disk' only; empty when XML does not list any */
} Layout;

/* @xml: <domainsnapshot>, or <domain>, which has no overlays. */
Layout *layout_parse (const char *xml, GError **error);
Layout *layout_read (const xmlNode *root); /* its element */
void layout_free (Layout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Layout, layout_free)

const LayoutDisk *layout_disk (const Layout *layout, const char *target); /* NULL: there is none */

/* The path of the @nth file of @disk from the top (0); NULL: there is none, or it has none. */
const char *layout_file (const LayoutDisk *disk, guint nth);
/* Where @file is in @disk's chain; -1: nowhere. */
int layout_find (const LayoutDisk *disk, const char *file);

/* <domainsnapshot> without the file @gone in the chains of the disk @target: what was on it is on
 * what it was on.  A snapshot whose overlay it was has @instead.  NULL without an error: nothing
 * in it is different.  Free with g_free. */
char *layout_without (const char *xml, const char *target, const char *gone, const char *instead,
                      GError **error);

/* The same document below another parent; @parent NULL: it becomes a root.  Free with g_free. */
char *layout_under (const char *xml, const char *parent, GError **error);
