/* Images in storage that is not ours.
 *
 * One is there before anything of it is committed, so the head knows it as unnamed before it is
 * made, and the commit that names it is what takes it off.  Whatever happens in between, there is
 * either a snapshot or something to tidy. */
#include "elsewhere.h"
#include "method.h"

/* -------------------------------------------------------------------- one */

static StorageImage
begin (const Places *places, const RecordImage *image)
{
  return (StorageImage){
    .image = image->image,
    .target = image->target,
    .disk = places_resolve (places, image->disk),
    .size = image->size,
    .raw = image->raw,
  };
}

static void
storage_image_clear (StorageImage *image)
{
  g_free (image->disk);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (StorageImage, storage_image_clear)

int
elsewhere_open (const Places *places, const RecordImage *image, char **path, GError **error)
{
  g_auto (StorageImage) asked = begin (places, image);
  int fd = storage_open (image->method->storage, places, &asked, NULL, path, error);
  if (fd < 0 && error && g_error_matches (*error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND))
    (*error)->code = BACKEND_ERROR_DAMAGED; /* the snapshot is there; what it was made of is not */
  return fd;
}

gboolean
elsewhere_can_be_asked (const Places *places, const RecordImage *image, GError **error)
{
  g_auto (StorageImage) asked = begin (places, image);
  return image->method->storage->check (places, asked.disk, error);
}

char *
elsewhere_path (const Places *places, const RecordImage *image)
{
  return places_resolve (places, image->located ? image->located : image->image);
}

gboolean
elsewhere_remove (const Places *places, const RecordImage *image, int records, Job *job,
                  GError **error)
{
  g_auto (StorageImage) asked = begin (places, image);
  return storage_remove (image->method->storage, places, &asked, records, job, error);
}

gboolean
elsewhere_bring_back (const Places *places, const RecordImage *image, const char *disk, int held,
                      int records, Job *job, gboolean *refused, GError **error)
{
  g_auto (StorageImage) asked = begin (places, image);
  g_free (asked.disk);
  asked.disk = g_strdup (disk);
  StorageEnd end = image->method->storage->revert (places, &asked, held, records, job, error);
  *refused = end == STORAGE_REFUSED;
  return end == STORAGE_DONE;
}

gboolean
elsewhere_check (const Places *places, const RecordImage *image, int fd, GError **error)
{
  g_auto (StorageImage) asked = begin (places, image);
  return storage_check (fd, &asked, error);
}

/* -------------------------------------------------------------------- those of a change */

gboolean
elsewhere_has_any (const Change *change)
{
  for (guint i = 0; i < change->disks->len; i++)
    if (((const ChangeDisk *)g_ptr_array_index (change->disks, i))->elsewhere)
      return TRUE;
  return FALSE;
}

gboolean
elsewhere_list (Change *change, GError **error)
{
  g_autoptr (Records) head = state_records (change->store, change->state, error);
  if (!head)
    return FALSE;
  for (guint i = 0; i < change->disks->len; i++) {
    const ChangeDisk *disk = g_ptr_array_index (change->disks, i);
    if (disk->elsewhere)
      g_ptr_array_add (head->unnamed, record_image_copy (disk->elsewhere));
  }
  head->has_head = TRUE;
  change->untidy = head->unnamed->len;
  if (!commit_head (change->fd, head, error))
    return FALSE;
  state_publish (change->store, change->state, g_steal_pointer (&head));
  return TRUE;
}

gboolean
elsewhere_make (Change *change, ChangeDisk *disk, GError **error)
{
  RecordImage *image = disk->elsewhere;
  const Places *places = change->store->places;
  g_auto (StorageImage) asked = begin (places, image);
  g_autofree char *path = NULL;
  asked.domain = change->found->uuid;
  if (!storage_create (image->method->storage, places, &asked, change->fd, change->job, &path,
                       error))
    return FALSE;
  image->located = places_spell (places, path);
  return TRUE;
}
