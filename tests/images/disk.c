/* What all that look at a disk share. */
#include "disk.h"

gboolean
disk_complain (Disk *disk, const char *format, ...)
{
  autolock held = lock_hold (&disk->lock);
  va_list arguments;

  if (disk->problem != NULL)
    return FALSE;
  va_start (arguments, format);
  disk->problem = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  return FALSE;
}

gboolean
disk_try_again (Disk *disk, const char *what, guint64 offset, gboolean wait, const GError *error)
{
  if (error != NULL)
    return disk_complain (disk, "%s at %" G_GUINT64_FORMAT ": %s", what, offset, error->message);
  return !wait ||
         disk_complain (disk, "%s at %" G_GUINT64_FORMAT " fails without an error", what, offset);
}

guint64
disk_random (Disk *disk, guint64 limit)
{
  return ((guint64)g_rand_int (disk->random) << 32 | g_rand_int (disk->random)) % limit;
}
