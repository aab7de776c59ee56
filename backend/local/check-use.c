/* What records and descriptions say of images: that they are there, as they were written down, and
 * read-only; and which images nobody speaks of.
 *
 * An image without a name is not always a fault: a snapshot may have been taken or forgotten
 * without a record, on purpose, and others be read through its image.  One that nobody reads and
 * nobody names is leaked, unless something is damaged that could have named it. */
#include "check-findings.h"
#include "elsewhere.h"
#include "fd.h"
#include "file-names.h"
#include "fold.h"
#include "frozen.h"
#include "journal.h"
#include "locks.h"
#include <fcntl.h>
#include <string.h>

/* -------------------------------------------------------------------- records */

/* Only its storage can tell. */
static void
look_at_elsewhere (Check *check, const CheckDomain *domain, const Record *record,
                   const RecordImage *image)
{
  g_autofree char *record_path = check_record_path (domain, record);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  if (!elsewhere_can_be_asked (check->places, image, &error)) {
    check_say (check, CHECK_NOTE, record_path,
               "the image of %s, disk %s, is in other storage, which was not asked: %s",
               record->name, image->target, error->message);
    return;
  }
  autofd fd = elsewhere_open (check->places, image, &path, &error);
  if (fd < 0)
    check_say (check, CHECK_FAULT, record_path, "the image of %s, disk %s: %s", record->name,
               image->target, error->message);
}

static void
look_at_image (Check *check, const CheckImages *images, const CheckDomain *domain,
               const Record *record, const RecordImage *frozen)
{
  if (record_image_is_elsewhere (frozen)) {
    look_at_elsewhere (check, domain, record, frozen);
    return;
  }
  g_autofree char *record_path = check_record_path (domain, record);
  g_autofree char *path = frozen_path (check->places, frozen);
  g_autoptr (GError) error = NULL;
  CheckImage *image = check_images_at (check, images, path, &error);
  if (!image) {
    check_say (check, CHECK_FAULT, record_path, "the image of %s, disk %s: %s", record->name,
               frozen->target, error ? error->message : "it is no image that was looked at");
    return;
  }
  image->named = TRUE;
  if (image->readable && image->size != frozen->size)
    check_say (check, CHECK_FAULT, image->path,
               "holds a disk of %" G_GUINT64_FORMAT
               " bytes, and the record of %s says %" G_GUINT64_FORMAT,
               image->size, record->name, frozen->size);
}

/* What is not there is tidied already. */
static void
note_listed (const Check *check, const CheckImages *images, const GPtrArray *listed)
{
  for (guint i = 0; i < listed->len; i++) {
    const RecordImage *listed_image = g_ptr_array_index (listed, i);
    if (record_image_is_elsewhere (listed_image))
      continue;
    g_autofree char *path = frozen_path (check->places, listed_image);
    CheckImage *image = check_images_at (check, images, path, NULL);
    if (image)
      image->listed = TRUE;
  }
}

/* No walk would find them. */
static void
tell_elsewhere (Check *check, const CheckDomain *domain, const GPtrArray *listed, const char *why)
{
  g_autofree char *path = g_build_filename (domain->path, RECORDS_HEAD, NULL);
  for (guint i = 0; i < listed->len; i++) {
    const RecordImage *image = g_ptr_array_index (listed, i);
    if (record_image_is_elsewhere (image))
      check_say (check, CHECK_NOTE, path,
                 "other storage may have %s, disk %s, which is no "
                 "snapshot's: %s",
                 image->image, image->target, why);
  }
}

static void
look_at_mark (Check *check, const CheckImages *images, const CheckDomain *domain)
{
  g_autofree char *path = NULL;
  if (!fold_read_mark (check->places, domain->fd, &path, NULL) || !path)
    return;
  CheckImage *image = check_images_at (check, images, path, NULL);
  if (image)
    image->marked = TRUE;
  check_say (check, CHECK_NOTE, path,
             "was written to by a folding that was interrupted: --repair and every mount for "
             "writing repair it before anything else is done with it");
}

static void
look_at_domain (Check *check, const CheckImages *images, const CheckDomain *domain)
{
  g_autoptr (GPtrArray) sorted = frozen_by_age (domain->records);
  look_at_mark (check, images, domain);
  note_listed (check, images, domain->records->unnamed);
  note_listed (check, images, domain->records->kept);
  tell_elsewhere (check, domain, domain->records->unnamed, "a mount for writing has it removed");
  tell_elsewhere (check, domain, domain->records->kept, "its name was forgotten on purpose");
  for (guint i = 0; i < sorted->len; i++) {
    const Record *record = g_ptr_array_index (sorted, i);
    for (guint j = 0; j < record->images->len; j++)
      look_at_image (check, images, domain, record, g_ptr_array_index (record->images, j));
  }
}

/* -------------------------------------------------------------------- descriptions */

static void
look_at_disks (Check *check, const CheckImages *images, const LocalDomain *found)
{
  for (guint i = 0; i < found->disks->len; i++) {
    g_autofree char *path = local_disk_path (g_ptr_array_index (found->disks, i));
    g_autoptr (GError) error = NULL;
    CheckImage *image = check_images_at (check, images, path, &error);
    if (error)
      check_say (check, CHECK_FAULT, path, "the disk of %s: %s", found->name, error->message);
    if (image)
      image->disk = TRUE;
  }
}

/* -------------------------------------------------------------------- what nobody speaks of */

/* Whether something that cannot be read now could name images. */
static gboolean
something_is_unknown (const CheckDomain *domain)
{
  gboolean put_aside = FALSE;
  for (guint i = 0; i < domain->files->len; i++)
    put_aside |= g_str_has_suffix (g_ptr_array_index (domain->files, i), DAMAGED_SUFFIX);
  return put_aside || domain->records->problem || records_find_damaged (domain->records) ||
         journal_exists (domain->fd);
}

static void
look_at_nameless (Check *check, const CheckImage *image, gboolean unknown)
{
  if (image->reader)
    check_say (check, CHECK_NOTE, image->path, "is no snapshot's, and %s is read through it",
               image->reader->path);
  else if (unknown)
    check_say (check, CHECK_NOTE, image->path,
               "is named nowhere: it may belong to what is damaged or interrupted");
  else
    check_say (check, CHECK_FAULT, image->path,
               "is named nowhere and nothing is read through it: nobody can tell whose bytes these "
               "are, so it is yours to remove");
}

/* A folding makes the unnamed image that it writes into writable. */
static gboolean
should_be_read_only (const CheckImage *image)
{
  return (image->named || !image->listed) && !image->marked && !image->disk;
}

/* A running machine's disk has it, and one that was just switched off. */
static gboolean
is_second_name (const Check *check, const CheckImages *images, const CheckImage *image)
{
  const CheckImage *same = check_images_at (check, images, image->path, NULL);
  return same && same->disk && !same->named && !same->listed && image->status.st_nlink == 2;
}

static void
look_at_frozen (Check *check, const CheckImage *image, gboolean unknown)
{
  if ((image->status.st_mode & WRITE_BITS) && should_be_read_only (image))
    check_say (check, CHECK_FAULT, image->path, "is frozen and may be written to (mode %o)",
               image->status.st_mode & 07777);
  if (image->listed && !image->named && !image->reader)
    check_say (check, CHECK_NOTE, image->path, "is no snapshot's, and the head keeps it in mind");
  else if (!image->listed && !image->named && !image->disk)
    look_at_nameless (check, image, unknown);
}

static void
look_at_prepared (Check *check, const char *path)
{
  autofd fd = places_open_path (check->places, path, O_RDONLY | O_NOFOLLOW, NULL);
  if (fd >= 0 && locks_is_in_use (fd))
    check_say (check, CHECK_NOTE, path, "is being prepared by another store");
  else
    check_say (check, CHECK_FAULT, path, "was prepared and never used: --repair removes it");
}

void
check_use (Check *check, CheckImages *images)
{
  gboolean unknown = FALSE, interrupted = FALSE;
  for (guint i = 0; i < check->domains->len; i++) {
    const CheckDomain *domain = g_ptr_array_index (check->domains, i);
    look_at_domain (check, images, domain);
    unknown |= something_is_unknown (domain);
    interrupted |= journal_exists (domain->fd);
  }
  for (guint i = 0; i < check->found->len; i++)
    look_at_disks (check, images, g_ptr_array_index (check->found, i));
  for (guint i = 0; i < images->images->len; i++) {
    const CheckImage *image = g_ptr_array_index (images->images, i);
    if (image->frozen && is_second_name (check, images, image))
      check_say (check, CHECK_NOTE, image->path,
                 "is the second name of a disk whose machine runs, or did: the next mount for "
                 "writing takes it away when the machine is off");
    else if (image->frozen)
      look_at_frozen (check, image, unknown);
  }
  for (guint i = 0; i < images->prepared->len && !interrupted; i++)
    look_at_prepared (check, g_ptr_array_index (images->prepared, i));
}
