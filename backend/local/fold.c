/* Folding an image without a name into its only dependent (store.md, section 5).
 *
 *   down   the dependent's clusters are written into the unnamed image, which then takes the
 *          dependent's place.  It writes only where the dependent hides what is behind it, so
 *          nobody sees a difference, during it or after.
 *   up     the unnamed image's clusters are copied into a copy of the dependent, which then takes
 *          its place.  The copy is free where the file system clones.
 */
#include "fold.h"
#include "../qcow2/header.h"
#include "chain.h"
#include "child.h"
#include "clone.h"
#include "fd.h"
#include "journal.h"
#include "locks.h"
#include "moving.h"
#include "note.h"
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEADLINE (24 * 60 * 60) /* seconds */
#define MARK "folding"          /* a fold that writes into an image is under way */
#define MARK_UNFINISHED MARK UNFINISHED_SUFFIX

/* -------------------------------------------------------------------- the mark */

/* It holds the image's name: what was interrupted must be repaired before anything else is done
 * with that image, and with no other.  So it is whole or not there at all. */
static gboolean
set_mark (const Fold *fold, GError **error)
{
  autofd fd = openat (fold->records, MARK_UNFINISHED,
                      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  g_autofree char *path = g_build_filename (fold->path, fold->unnamed, NULL);
  g_autofree char *spelling = places_spell (fold->places, path);
  gsize length = strlen (spelling);
  if (fd < 0 || write (fd, spelling, length) != (ssize_t)length)
    return fail_errno (error, "marking the folding of %s", fold->unnamed);
  if (!journal_sync (fd, MARK, error))
    return FALSE;
  if (renameat (fold->records, MARK_UNFINISHED, fold->records, MARK) < 0)
    return fail_errno (error, "marking the folding of %s", fold->unnamed);
  return journal_sync (fold->records, MARK, error);
}

static gboolean
clear_mark (int records, GError **error)
{
  return note_remove (records, MARK, "ending a folding", error);
}

gboolean
fold_read_mark (const Places *places, int records, char **path, GError **error)
{
  char spelling[PATH_MAX + 1];
  autofd fd = openat (records, MARK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  *path = NULL;
  if (fd < 0)
    return errno == ENOENT || fail_errno (error, "reading the mark of a folding");
  ssize_t length = read (fd, spelling, PATH_MAX);
  if (length < 0)
    return fail_errno (error, "reading the mark of a folding");
  spelling[length] = '\0';
  if (length > 0) /* an earlier version made it empty first: then nothing was written yet */
    *path = places_resolve (places, spelling);
  return length > 0 || clear_mark (records, error);
}

gboolean
fold_is_interrupted (int records)
{
  return faccessat (records, MARK, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

gboolean
fold_drop_stale_mark (const Places *places, int records, GError **error)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) wrong = NULL;
  if (!fold_read_mark (places, records, &path, error))
    return FALSE;
  autofd image = path ? places_open_path (places, path, O_RDONLY, &wrong) : -1;
  gboolean gone = g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND);
  return !gone || clear_mark (records, error);
}

/* -------------------------------------------------------------------- children */

static gboolean
run (const Fold *fold, const char *const *arguments, Job *job, GError **error)
{
  return child_qemu_img (fold->directory, arguments, job, DEADLINE, NULL, error);
}

static gboolean
create_overlay (const Fold *fold, const char *name, guint64 size, GError **error)
{
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  const char *const arguments[] = { "create",        "-q", "-f",    "qcow2", "-u",  "-b",
                                    fold->dependent, "-F", "qcow2", name,    bytes, NULL };
  return run (fold, arguments, NULL, error);
}

static void
begin_layer (JsonBuilder *builder, const char *file)
{
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "driver");
  json_builder_add_string_value (builder, "qcow2");
  json_builder_set_member_name (builder, "file");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "driver");
  json_builder_add_string_value (builder, "file");
  json_builder_set_member_name (builder, "filename");
  json_builder_add_string_value (builder, file);
  json_builder_end_object (builder);
}

/* @top over the dependent over the unnamed image, whatever their headers say. */
static char *
layers (const Fold *fold, const char *top)
{
  const char *const files[] = { top, fold->dependent, fold->unnamed };
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    if (i > 0)
      json_builder_set_member_name (builder, "backing");
    begin_layer (builder, files[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (files); i++)
    json_builder_end_object (builder);
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *json = json_to_string (root, FALSE);
  return g_strconcat ("json:", json, NULL);
}

/* The overlay is what is committed, so that the dependent is only read. */
static gboolean
commit_into_unnamed (const Fold *fold, const char *top, Job *job, GError **error)
{
  g_autofree char *chain = layers (fold, top);
  const char *const arguments[] = { "commit", "-q",          "-d",  "-t", "writeback",
                                    "-b",     fold->unnamed, chain, NULL };
  return run (fold, arguments, job, error);
}

static gboolean
shrink (const Fold *fold, guint64 size, GError **error)
{
  g_autofree char *bytes = g_strdup_printf ("%" G_GUINT64_FORMAT, size);
  const char *const arguments[] = { "resize", "-q",          "--shrink", "-f",
                                    "qcow2",  fold->unnamed, bytes,      NULL };
  return run (fold, arguments, NULL, error);
}

/* -------------------------------------------------------------------- both ways */

typedef struct {
  int fd; /* holds QEMU's locks until closed */
  struct stat status;
  Qcow2Header *header;
} Layer;

static void
layer_clear (Layer *layer)
{
  fd_close_pointer (&layer->fd);
  g_clear_pointer (&layer->header, qcow2_header_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Layer, layer_clear)

static gboolean
layer_open (const Fold *fold, const char *name, Layer *layer, GError **error)
{
  layer->fd = openat (fold->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (layer->fd < 0 || fstat (layer->fd, &layer->status) < 0)
    return fail_errno (error, "%s", name);
  layer->header = qcow2_header_read (layer->fd, error);
  return layer->header != NULL;
}

/* Puts @name where the dependent is, with its rights, locked until @fd is closed. */
static gboolean
take_place (const Fold *fold, const char *name, const Layer *dependent, GError **error)
{
  autofd fd = openat (fold->directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 || fchown (fd, dependent->status.st_uid, dependent->status.st_gid) < 0 ||
      fchmod (fd, dependent->status.st_mode & 07777) < 0)
    return fail_errno (error, "giving %s the rights of %s", name, fold->dependent);
  if (!locks_exclude_writers (fd, name, error) || !journal_sync (fd, name, error))
    return FALSE;
  autolock held = moving_hold ();
  if (renameat (fold->directory, name, fold->directory, fold->dependent) < 0)
    return fail_errno (error, "putting %s in the place of %s", name, fold->dependent);
  return journal_sync (fold->directory, fold->path, error);
}

/* -------------------------------------------------------------------- down */

static gboolean
make_writable (int fd, const char *name, GError **error)
{
  struct stat status;
  if (fstat (fd, &status) < 0 || fchmod (fd, (status.st_mode & 07777) | S_IWUSR) < 0)
    return fail_errno (error, "making %s writable", name);
  return TRUE;
}

/* A reference that an interrupted commit made beyond the file's end is seen only when the file has
 * grown over it. */
static gboolean
repair_again (const Fold *fold, Job *job, GError **error)
{
  const char *const arguments[] = {
    "check", "-q", "-r", "all", "-f", "qcow2", fold->unnamed, NULL
  };
  return !fold->after_repair || run (fold, arguments, job, error);
}

static gboolean
write_into_unnamed (const Fold *fold, const Layer *unnamed, guint64 size, Job *job, GError **error)
{
  g_autofree char *top = journal_prepared_name ();
  gboolean done = create_overlay (fold, top, size, error) &&
                  commit_into_unnamed (fold, top, job, error) &&
                  (unnamed->header->size <= size || shrink (fold, size, error)) &&
                  repair_again (fold, job, error);
  unlinkat (fold->directory, top, 0);
  return done;
}

/* Who reads it would find other files in the middle of it. */
static gboolean
check_is_not_read (const Fold *fold, const Layer *unnamed, GError **error)
{
  return !locks_is_in_use (unnamed->fd) ||
         fail (error, BACKEND_ERROR_BUSY, "%s is being read", fold->unnamed);
}

static gboolean
fold_down (const Fold *fold, const Layer *unnamed, const Layer *dependent, Job *job, GError **error)
{
  return check_is_not_read (fold, unnamed, error) && set_mark (fold, error) &&
         make_writable (unnamed->fd, fold->unnamed, error) &&
         write_into_unnamed (fold, unnamed, dependent->header->size, job, error) &&
         take_place (fold, fold->unnamed, dependent, error) && clear_mark (fold->records, error);
}

/* Repairs what a fold that was interrupted may have left: references of clusters that are too
 * many, never bytes.  Whoever is not root needs the right to write, which the fold had not taken
 * yet, or which went with the power. */
gboolean
fold_repair (const Places *places, int records, Job *job, gboolean *repaired, GError **error)
{
  g_autofree char *path = NULL;
  *repaired = FALSE;
  if (!fold_drop_stale_mark (places, records, error) ||
      !fold_read_mark (places, records, &path, error))
    return FALSE;
  if (!path)
    return TRUE;
  *repaired = TRUE;
  g_autofree char *directory = g_path_get_dirname (path);
  g_autofree char *file = g_path_get_basename (path);
  const char *const arguments[] = { "check", "-q", "-r", "all", "-f", "qcow2", file, NULL };
  autofd in = places_open_path (places, directory, O_RDONLY | O_DIRECTORY, error);
  if (in < 0)
    return FALSE;
  autofd fd = openat (in, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return fail_errno (error, "%s", path);
  return make_writable (fd, file, error) &&
         child_qemu_img (in, arguments, job, DEADLINE, NULL, error) && clear_mark (records, error);
}

/* -------------------------------------------------------------------- up */

static gboolean
copy_bytes (int from, int to, GError **error)
{
  for (;;) {
    ssize_t count = copy_file_range (from, NULL, to, NULL, 1 << 30, 0);
    if (count == 0)
      return TRUE;
    if (count < 0)
      return fail_errno (error, "copying an image");
  }
}

static gboolean
copy_dependent (const Fold *fold, const char *name, GError **error)
{
  autofd from = openat (fold->directory, fold->dependent, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  autofd to = openat (fold->directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (from < 0 || to < 0)
    return fail_errno (error, "copying %s", fold->dependent);
  return clone_file (from, to, NULL) || copy_bytes (from, to, error);
}

static gboolean
rebase (const Fold *fold, const char *name, const Layer *unnamed, Job *job, GError **error)
{
  const char *backing = unnamed->header->backing ? unnamed->header->backing : "";
  const char *format = unnamed->header->backing_format;
  const char *const onto[] = { "rebase", "-q",    "-f", "qcow2", "-t", "writeback",
                               "-b",     backing, "-F", format,  name, NULL };
  const char *const onto_nothing[] = { "rebase",    "-q", "-f", "qcow2", "-t",
                                       "writeback", "-b", "",   name,    NULL };
  return run (fold, *backing ? onto : onto_nothing, job, error);
}

static gboolean
fold_up (const Fold *fold, const Layer *unnamed, const Layer *dependent, Job *job, GError **error)
{
  g_autofree char *name = journal_prepared_name ();
  gboolean done = copy_dependent (fold, name, error) && rebase (fold, name, unnamed, job, error) &&
                  take_place (fold, name, dependent, error);
  if (!done)
    unlinkat (fold->directory, name, 0);
  /* The unnamed image has no reader left now, and is unlinked as such. */
  return done;
}

/* -------------------------------------------------------------------- choosing */

/* What stands before a ':' QEMU takes for a protocol where it compares names of layers, and an
 * image of version 2 cannot grow with zeros over what is behind it. */
static gboolean
can_go_down (const Fold *fold, const Layer *unnamed, const Layer *dependent)
{
  return !strchr (fold->dependent, ':') &&
         (unnamed->header->version > 2 || unnamed->header->size >= dependent->header->size);
}

static gboolean
should_go_up (const Fold *fold, const Layer *unnamed, const Layer *dependent)
{
  /* Who made another link to it means to keep what it is. */
  return !can_go_down (fold, unnamed, dependent) || unnamed->status.st_nlink != 1 ||
         (unnamed->status.st_blocks < dependent->status.st_blocks && unnamed->header->backing &&
          clone_is_possible (fold->directory));
}

/* One that has it open goes on with the old file, and would take the new one for that whenever it
 * opens the name again. */
static gboolean
check_is_no_machines (const Fold *fold, const Layer *dependent, GError **error)
{
  return !locks_qemu_reads (dependent->fd) ||
         fail (error, BACKEND_ERROR_BUSY, "a running machine reads %s", fold->dependent);
}

gboolean
fold (const Fold *fold, Job *job, GError **error)
{
  g_auto (Layer) unnamed = { .fd = -1 }, dependent = { .fd = -1 };
  if (!chain_check (fold->places, fold->path, fold->dependent, error) ||
      !layer_open (fold, fold->unnamed, &unnamed, error) ||
      !layer_open (fold, fold->dependent, &dependent, error) ||
      !locks_exclude_writers (dependent.fd, fold->dependent, error) ||
      !check_is_no_machines (fold, &dependent, error))
    return FALSE;
  if (dependent.header->snapshots > 0 || unnamed.header->snapshots > 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s holds snapshots of its own",
                 dependent.header->snapshots > 0 ? fold->dependent : fold->unnamed);
  return should_go_up (fold, &unnamed, &dependent)
             ? fold_up (fold, &unnamed, &dependent, job, error)
             : fold_down (fold, &unnamed, &dependent, job, error);
}
