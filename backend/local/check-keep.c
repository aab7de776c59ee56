/* After a head was lost: images that only it knew.
 *
 * Images without a name stand in the head and nowhere else.  Whoever's they are, they are kept:
 * some may hold snapshots inside that nothing else leads to, and others were promised to be left
 * alone. */
#include "check-findings.h"
#include "fd.h"
#include "file-names.h"
#include "frozen.h"
#include "listing.h"
#include "method.h"
#include <fcntl.h>
#include <string.h>

static gboolean
is_known_to_any (const Check *check, const char *file)
{
  for (guint i = 0; i < check->domains->len; i++)
    if (records_know_image (((const CheckDomain *)g_ptr_array_index (check->domains, i))->records,
                            file))
      return TRUE;
  return FALSE;
}

/* The disk that an image in @directory can only be of; "": of which of several is not known. */
static const char *
only_target (const LocalDomain *found, const char *directory)
{
  const char *target = NULL;
  for (guint i = 0; i < found->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (found->disks, i);
    if (strcmp (disk->directory, directory) == 0)
      target = target ? "" : disk->target;
  }
  return target ? target : "";
}

static void
keep_image (Check *check, CheckDomain *domain, const char *directory, int fd, const char *file,
            gboolean raw)
{
  const char *uuid = file + strlen (IMAGE_PREFIX);
  const char *suffix = raw ? RAW_IMAGE_SUFFIX : IMAGE_SUFFIX;
  RecordImage *image = g_new0 (RecordImage, 1);
  autofd opened = openat (fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  image->target = g_strdup (only_target (domain->found, directory));
  image->image = g_strndup (uuid, strlen (uuid) - strlen (suffix));
  image->directory = places_spell (check->places, directory);
  if (opened >= 0)
    frozen_size (opened, raw, &image->size, NULL);
  image->raw = raw;
  image->method = raw ? &method_btrfs : &method_qemu; /* nobody will bring it back */
  if (g_uuid_string_is_valid (image->image))
    g_ptr_array_add (domain->records->kept, image);
  else
    record_image_free (image);
}

static void
keep_unlisted (Check *check, CheckDomain *domain, const char *directory)
{
  autofd fd = places_open_path (check->places, directory, O_RDONLY | O_DIRECTORY, NULL);
  g_autoptr (GPtrArray) files = fd < 0 ? NULL : listing_of (fd, directory, NULL);
  for (guint i = 0; files && i < files->len; i++) {
    const char *file = g_ptr_array_index (files, i);
    gboolean raw;
    if (frozen_is_name (file, &raw) && !is_known_to_any (check, file))
      keep_image (check, domain, directory, fd, file, raw);
  }
}

void
check_keep_unlisted (Check *check, CheckDomain *domain)
{
  for (guint i = 0; domain->found && i < domain->found->disks->len; i++)
    keep_unlisted (check, domain,
                   ((const LocalDisk *)g_ptr_array_index (domain->found->disks, i))->directory);
}
