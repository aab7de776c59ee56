/* stat, from the row and the picture.
 *
 * Sizes are exact, so a text has to be made to be measured (those of a picture
 * are only counted).  A file is as old as the last change of its snapshot, a
 * snapshot's directory as old as the snapshot. */
#include "attr.h"

#include "tree.h"

#include <string.h>

/* The row's mode says what the owner may do and whether anybody else may; the umask says who else.
 */
static mode_t
mode_of (const Place *place)
{
  mode_t mode = place->kind->mode;
  mode_t owners = (mode & 0700) >> 6;

  if (S_ISLNK (mode))
    return mode;
  return (mode & S_IFMT) | ((owners << 6 | owners << 3 | owners) & ~place->mount->options->umask);
}

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

gboolean
attr_fill (const Place *place, struct stat *stat, GError **error)
{
  gint64 time = time_of (place);
  off_t size;

  if (!size_of (place, &size, error))
    return FALSE;
  *stat = (struct stat){
    .st_mode = mode_of (place),
    .st_nlink = 1,
    .st_uid = place->mount->options->uid,
    .st_gid = place->mount->options->gid,
    .st_size = size,
    .st_blksize = 4096,
    .st_blocks = (size + 511) / 512,
    .st_atim.tv_sec = time,
    .st_mtim.tv_sec = time,
    .st_ctim.tv_sec = time,
  };
  return TRUE;
}

double
attr_timeout (const Place *place)
{
  return place->kind->changes ? 0 : place->mount->timeout;
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
  return TRUE;
}
