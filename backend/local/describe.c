/* From a domain.xml to a domain's disks.
 *
 * The description is somebody else's: a disk that snapshots cannot be taken of is left out, and the
 * domain gets a problem that says why, which turns changes off and leaves browsing alone.  What
 * becomes part of a path of ours (the uuid) or of a file name (the targets) is held to its form
 * here, once.
 *
 * Images are opened to see that they are there, and not read. */
#include "describe.h"
#include "../uuid.h"
#include "../xml.h"
#include "fd.h"
#include "file-names.h"
#include "storage.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TARGET 32

void
describe_problem (char **problem, const char *format, ...)
{
  g_autofree char *before = *problem;
  g_autofree char *sentence = NULL;
  va_list arguments;
  va_start (arguments, format);
  sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  *problem = before ? g_strconcat (before, "; ", sentence, NULL) : g_steal_pointer (&sentence);
}

/* The usual form of a uuid in any that libvirt takes; NULL: it is none. */
static char *
uuid_canonical (const char *text)
{
  guint8 bytes[16] = { 0 };
  guint digits = 0;
  for (; *text; text++) {
    if (*text == '-')
      continue;
    if (digits == 32 || !g_ascii_isxdigit (*text))
      return NULL;
    bytes[digits / 2] = (guint8)(bytes[digits / 2] << 4 | g_ascii_xdigit_value (*text));
    digits++;
  }
  return digits == 32 ? uuid_text (bytes) : NULL;
}

static gboolean
xml_allows (gunichar character)
{
  if (character < 0x20)
    return character == '\t' || character == '\n' || character == '\r';
  return character != 0xfffe && character != 0xffff;
}

char *
describe_xml_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *shown = g_string_sized_new (strlen (valid));
  for (const char *at = valid; *at; at = g_utf8_next_char (at)) {
    gunichar character = g_utf8_get_char (at);
    g_string_append_unichar (shown, xml_allows (character) ? character : 0xfffd);
  }
  return g_string_free (shown, FALSE);
}

/* It becomes the file name "TARGET.raw". */
static gboolean
target_is_plain (const char *target)
{
  gsize length = target ? strlen (target) : 0;
  return length > 0 && length <= MAX_TARGET &&
         strspn (target, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_") == length;
}

/* Returns it, which belongs to the domain. */
static LocalDisk *
add_disk (LocalDomain *domain, const char *target, const char *format, const char *path,
          const char *xml)
{
  LocalDisk *disk = g_new0 (LocalDisk, 1);
  disk->target = g_strdup (target);
  disk->format = g_strdup (format);
  disk->directory = g_path_get_dirname (path);
  disk->file = g_path_get_basename (path);
  disk->xml = g_strdup (xml);
  g_ptr_array_add (domain->disks, disk);
  return disk;
}

/* A device that nobody has named is none of ours, whatever says that it is a disk. */
static gboolean
check_device (const Places *places, LocalDomain *domain, const char *target, const char *path,
              const char *format)
{
  gboolean raw = strcmp (format, "raw") == 0, named = places_have_devices (places, path);
  if (!named)
    describe_problem (&domain->problem,
                      "disk %s: %s is a block device: give its directory below /dev with -o "
                      "allow=DIR",
                      target, path);
  else if (!raw)
    describe_problem (&domain->problem,
                      "disk %s: %s is a block device with the format %s, and only a raw one can be "
                      "snapshotted",
                      target, path, format);
  return named && raw;
}

/* FALSE: nothing that reads or writes disks may get to see it.  A missing image is only missing.
 * @status and @usual (as of LocalDisk): zero where it is. */
static gboolean
check_image (const Places *places, LocalDomain *domain, const char *target, const char *path,
             const char *format, struct stat *status, const char **usual)
{
  g_autoptr (GError) error = NULL;
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, &error);
  if (fd < 0) {
    describe_problem (&domain->problem, "disk %s: %s", target, error->message);
    return g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND);
  }
  if (strcmp (format, "raw") == 0)
    *usual = storage_usual (fd);
  if (fstat (fd, status) == 0 && S_ISREG (status->st_mode))
    return TRUE;
  if (S_ISBLK (status->st_mode))
    return check_device (places, domain, target, path, format);
  describe_problem (&domain->problem, "disk %s: %s is not a regular file", target, path);
  return FALSE;
}

static gboolean
disk_is_new (LocalDomain *domain, const char *target, const char *path)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const LocalDisk *other = g_ptr_array_index (domain->disks, i);
    g_autofree char *other_path = local_disk_path (other);
    if (strcmp (other->target, target) == 0) {
      describe_problem (&domain->problem, "two disks have the target %s", target);
      return FALSE;
    }
    if (strcmp (other_path, path) == 0) {
      describe_problem (&domain->problem, "disks %s and %s are the same file", other->target,
                        target);
      return FALSE;
    }
  }
  return TRUE;
}

/* A device has several names. */
static gboolean
device_is_new (LocalDomain *domain, const char *target, const struct stat *status)
{
  for (guint i = 0; i < domain->disks->len && S_ISBLK (status->st_mode); i++) {
    const LocalDisk *other = g_ptr_array_index (domain->disks, i);
    if (other->device != status->st_rdev)
      continue;
    describe_problem (&domain->problem, "disks %s and %s are the same device", other->target,
                      target);
    return FALSE;
  }
  return TRUE;
}

/* FALSE: it is of a kind that snapshots cannot be taken of. */
static gboolean
check_kind (LocalDomain *domain, const DiskDescription *disk, const char *format)
{
  if (!target_is_plain (disk->target)) {
    describe_problem (&domain->problem, "a disk has no usable target");
    return FALSE;
  }
  if (!disk->source || !*disk->source) {
    describe_problem (&domain->problem, "disk %s is no file, and only files can be snapshotted",
                      disk->target);
    return FALSE;
  }
  if (strcmp (format, "qcow2") != 0 && strcmp (format, "raw") != 0) {
    describe_problem (&domain->problem, "disk %s has the format %s, which cannot be snapshotted",
                      disk->target, format);
    return FALSE;
  }
  return TRUE;
}

/* Where the disk is, in its one spelling; NULL: it is no file.  Also a disk that is left out
 * keeps its file from being anybody else's. */
static char *
claim_file (const Places *places, LocalDomain *domain, const char *directory, const char *source)
{
  if (!source || !*source)
    return NULL;
  g_autofree char *path = places_absolute (directory, source);
  char *canonical = places_canonical (places, path);
  if (!canonical)
    return g_steal_pointer (&path);
  g_ptr_array_add (domain->files, g_strdup (canonical));
  return canonical;
}

static void
check_is_not_frozen (LocalDomain *domain, const char *target, const char *path)
{
  g_autofree char *file = g_path_get_basename (path);
  if (g_str_has_prefix (file, IMAGE_PREFIX))
    describe_problem (&domain->problem,
                      "disk %s: %s is an image that a snapshot froze: make an overlay of it or a "
                      "copy",
                      target, path);
}

/* The disk itself may be named, by whatever name. */
static char *
beneath_of (const DiskDescription *disk, const char *path, const struct stat *status)
{
  struct stat named;
  if (!disk->device || strcmp (disk->device, path) == 0 ||
      (S_ISBLK (status->st_mode) && stat (disk->device, &named) == 0 && S_ISBLK (named.st_mode) &&
       named.st_rdev == status->st_rdev))
    return NULL;
  return g_strdup (disk->device);
}

static void
describe_disk (const Places *places, LocalDomain *domain, const char *directory,
               const DiskDescription *disk)
{
  const char *format = disk->format ? disk->format : "raw"; /* libvirt does not guess either */
  g_autofree char *path = claim_file (places, domain, directory, disk->source);
  struct stat status = { 0 };
  const char *usual = NULL;
  if (!check_kind (domain, disk, format) || !disk_is_new (domain, disk->target, path) ||
      !check_image (places, domain, disk->target, path, format, &status, &usual) ||
      !device_is_new (domain, disk->target, &status))
    return;
  check_is_not_frozen (domain, disk->target, path);
  LocalDisk *added = add_disk (domain, disk->target, format, path, disk->xml);
  added->method = g_strdup (disk->method);
  added->beneath = beneath_of (disk, path, &status);
  added->usual = usual;
  added->device = S_ISBLK (status.st_mode) ? status.st_rdev : 0;
}

static void
describe_uuid (LocalDomain *domain, const char *uuid)
{
  if (uuid)
    domain->uuid = uuid_canonical (uuid);
  if (uuid && !domain->uuid)
    describe_problem (&domain->problem, "its uuid is not one");
  if (!domain->uuid)
    domain->uuid = uuid_of_name (domain->name);
}

void
describe_domain (const Places *places, LocalDomain *domain, const char *directory, const char *text,
                 gsize length)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DomainDescription) description = domain_description_parse (text, length, &error);
  if (!description) {
    describe_problem (&domain->problem, "domain.xml: %s", error->message);
    describe_uuid (domain, NULL);
    return;
  }
  describe_uuid (domain, description->uuid);
  for (guint i = 0; i < description->disks->len; i++)
    describe_disk (places, domain, directory, g_ptr_array_index (description->disks, i));
  if (description->disks->len == 0)
    describe_problem (&domain->problem, "it has no disk");
}

void
describe_bare (LocalDomain *domain, const char *directory, const char *file)
{
  g_autofree char *path = g_build_filename (directory, file, NULL);
  g_autofree char *disk_xml = xml_disk ("vda", "qcow2", path);
  g_ptr_array_add (domain->files, g_strdup (path));
  domain->uuid = uuid_of_name (domain->name);
  domain->xml = xml_domain (domain->name, domain->uuid, disk_xml);
  add_disk (domain, "vda", "qcow2", path, disk_xml);
}
