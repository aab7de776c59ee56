/* stat, from the row and the picture.
 *
 * Sizes are exact, so a text has to be made to be measured (those of a picture
 * are only counted).  A file is as old as the last change of its snapshot, a
 * snapshot's directory as old as the snapshot. */
#include "attr.h"

#include "tree.h"

#include <string.h>

#define NANOSECONDS G_GINT64_CONSTANT (1000000000)
/* What programs are told to read at a time. */
#define TEXT_READ 4096
#define DISK_READ (1 << 20)

/* The row's mode says what the owner may do and whether anybody else may; the umask says who else.
 */
static mode_t
mode_of (const Place *place)
{
  mode_t mode = place->kind->mode;
  mode_t owners = (mode & 0700) >> 6;
  mode_t others;

  if (S_ISLNK (mode))
    return mode;
  if (S_ISREG (mode) && !row_writable (place))
    owners &= ~(mode_t)02;
  others = place->kind->secret ? 0 : owners << 3 | owners;
  return (mode & S_IFMT) | ((owners << 6 | others) & ~place->mount->options->umask);
}

/* In seconds. */
static gint64
time_of (const Place *place)
{
  if (place->snapshot != NULL)
    return S_ISDIR (place->kind->mode) ? place->snapshot->created : place->snapshot->changed;
  return place->domain != NULL ? place->domain->changed : place->mount->started;
}

static gboolean
size_of (const Place *place, off_t *size, GError **error)
{
  const NodeKind *kind = place->kind;

  if (kind->target != NULL) {
    g_autofree char *target = kind->target (place, error);

    *size = target != NULL ? (off_t)strlen (target) : 0;
    return target != NULL;
  }
  if (kind->show != NULL || kind->usage != NULL) {
    g_autoptr (Text) text = kind->show != NULL ? kind->show (place, error) : kind->usage (place);

    *size = text != NULL ? (off_t)text->length : 0;
    return text != NULL;
  }
  *size = 0;
  return TRUE;
}

gint64
attr_nanoseconds (gint64 seconds)
{
  return CLAMP (seconds, G_MININT64 / NANOSECONDS, G_MAXINT64 / NANOSECONDS) * NANOSECONDS;
}

static gboolean
measure (const Place *place, DiskMeasure *found, GError **error)
{
  off_t size;

  if (place->kind->measure != NULL)
    return place->kind->measure (place, found, error);
  if (!size_of (place, &size, error))
    return FALSE;
  *found = (DiskMeasure){ .size = (guint64)size,
                          .allocated = (guint64)size,
                          .modified = attr_nanoseconds (time_of (place)) };
  return TRUE;
}

/* Before 1970 too, the nanoseconds count forwards. */
static struct timespec
split_time (gint64 nanoseconds)
{
  gint64 rest = nanoseconds % NANOSECONDS;

  if (rest < 0)
    rest += NANOSECONDS;
  return (struct timespec){ .tv_sec = (nanoseconds - rest) / NANOSECONDS, .tv_nsec = rest };
}

gboolean
attr_fill (const Place *place, struct stat *stat, GError **error)
{
  DiskMeasure found;
  struct timespec time;

  if (!measure (place, &found, error))
    return FALSE;
  time = split_time (found.modified);
  *stat = (struct stat){
    .st_mode = mode_of (place),
    .st_nlink = 1,
    .st_uid = place->mount->options->uid,
    .st_gid = place->mount->options->gid,
    .st_size = (off_t)found.size,
    .st_blksize = place->kind->measure != NULL ? DISK_READ : TEXT_READ,
    .st_blocks = (blkcnt_t)((found.allocated + 511) / 512),
    .st_atim = time,
    .st_mtim = time,
    .st_ctim = time,
  };
  return TRUE;
}

double
attr_timeout (const Place *place)
{
  return place->kind->changes ? 0 : place->mount->timeout;
}

/* Whether the notifier has compared the picture already, perhaps before the node was in the table:
 * nobody would ever take back what is said of it.  (If it compares from now on, the kernel lets it
 * wait for the answer, because both need the directory's lock.) */
static gboolean
is_past (const Place *place)
{
  return place->mount->notifier != NULL && place->domain != NULL && !place->kind->orphan &&
         !nodes_shows (place->mount->nodes, place->owner, place->domain);
}

gboolean
attr_entry (const Place *place, struct fuse_entry_param *entry, GError **error)
{
  Identity about = place_identity (place);

  *entry = (struct fuse_entry_param){ .attr_timeout = attr_timeout (place),
                                      .entry_timeout = attr_timeout (place) };
  if (!attr_fill (place, &entry->attr, error))
    return FALSE;
  entry->ino = nodes_enter (place->mount->nodes, &about);
  entry->attr.st_ino = entry->ino;
  if (is_past (place))
    entry->attr_timeout = entry->entry_timeout = 0;
  return TRUE;
}
