/* What the kernel says of a block device of LVM's.
 *
 * device-mapper has a name and a uuid for each of its devices: "vg0-root", and "LVM-" with the
 * uuids of the group and of the volume.  Parts of volumes have a suffix there, and are no disks. */
#include "volume.h"
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define UUID_PREFIX "LVM-"
#define NAME_CHARACTERS G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "+_.-"

const char *volume_devices = "/sys/dev/block";

void
volume_clear (Volume *volume)
{
  g_free (volume->group);
  g_free (volume->name);
  g_free (volume->uuid);
}

/* NULL: the kernel says nothing of that kind.  Free with g_free. */
static char *
attribute_of (dev_t device, const char *attribute)
{
  char *text = NULL;
  g_autofree char *path =
      g_strdup_printf ("%s/%u:%u/dm/%s", volume_devices, major (device), minor (device), attribute);
  return g_file_get_contents (path, &text, NULL, NULL) ? g_strstrip (text) : NULL;
}

static gboolean
is_name (const char *name)
{
  return *name && *name != '-' && strspn (name, NAME_CHARACTERS) == strlen (name);
}

/* Takes "vg--a-root" apart; FALSE: it is not of that form. */
static gboolean
split (const char *mapped, char **group, char **name)
{
  GString *parts[] = { g_string_new (NULL), g_string_new (NULL) };
  guint part = 0;
  for (const char *at = mapped; *at && part < 2; at++) {
    if (*at == '-' && at[1] != '-') {
      part++;
      continue;
    }
    at += *at == '-';
    g_string_append_c (parts[part], *at);
  }
  *group = g_string_free (parts[0], FALSE);
  *name = g_string_free (parts[1], FALSE);
  return part == 1 && is_name (*group) && is_name (*name);
}

static gboolean
read_uuid (dev_t device, char **uuid)
{
  g_autofree char *text = attribute_of (device, "uuid");
  if (!text || !g_str_has_prefix (text, UUID_PREFIX) ||
      strlen (text) != strlen (UUID_PREFIX) + 2 * VOLUME_UUID_LENGTH)
    return FALSE;
  *uuid = g_strdup (text + strlen (UUID_PREFIX));
  return TRUE;
}

gboolean
volume_of (int fd, Volume *volume, GError **error)
{
  struct stat status;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "looking at the volume");
  if (!S_ISBLK (status.st_mode) || !read_uuid (status.st_rdev, &volume->uuid))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "it is no logical volume of LVM's");
  g_autofree char *mapped = attribute_of (status.st_rdev, "name");
  return (mapped && split (mapped, &volume->group, &volume->name)) ||
         fail (error, BACKEND_ERROR_UNSUPPORTED, "LVM's volume %s has a name that is not LVM's",
               mapped ? mapped : volume->uuid);
}

gboolean
volume_is_logical (int fd)
{
  g_auto (Volume) volume = { 0 };
  return volume_of (fd, &volume, NULL);
}

static void
append_doubled (GString *to, const char *name)
{
  for (; *name; name++)
    g_string_append_printf (to, *name == '-' ? "--" : "%c", *name);
}

char *
volume_mapped_name (const char *group, const char *name)
{
  GString *mapped = g_string_new (NULL);
  append_doubled (mapped, group);
  g_string_append_c (mapped, '-');
  append_doubled (mapped, name);
  return g_string_free (mapped, FALSE);
}
