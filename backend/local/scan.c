/* The directory of images: which domains are in it.
 *
 * First come the directories that hold a domain.xml; then the images NAME.qcow2 that none of those
 * named.  Names with a leading dot (frozen images, .vmsnapfs) are nobody's.  Nothing is read but
 * the descriptions, so a store of thousands of frozen images is one readdir. */
#include "scan.h"
#include "../uuid.h"
#include "describe.h"
#include "fd.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTION "domain.xml"
#define MAX_DESCRIPTION (1024 * 1024)
#define SUFFIX ".qcow2"

typedef struct {
  const Places *places;
  GPtrArray *domains;     /* of LocalDomain, until now */
  GPtrArray *directories; /* names */
  GPtrArray *images;      /* names that end in SUFFIX */
  GHashTable *names;      /* of domains so far -> LocalDomain */
  GHashTable *files;      /* file_key of those that domains so far name -> LocalDomain */
  GHashTable *uuids;      /* of domains so far -> LocalDomain */
} Scan;

static void
local_disk_free (gpointer data)
{
  LocalDisk *disk = data;
  g_free (disk->target);
  g_free (disk->format);
  g_free (disk->directory);
  g_free (disk->file);
  g_free (disk->xml);
  g_free (disk->method);
  g_free (disk->beneath);
  g_free (disk);
}

LocalDomain *
local_domain_ref (LocalDomain *domain)
{
  g_atomic_int_inc (&domain->refs);
  return domain;
}

void
local_domain_unref (LocalDomain *domain)
{
  if (!domain || !g_atomic_int_dec_and_test (&domain->refs))
    return;
  g_free (domain->name);
  g_free (domain->uuid);
  g_free (domain->xml);
  g_free (domain->problem);
  g_ptr_array_unref (domain->disks);
  g_ptr_array_unref (domain->files);
  g_free (domain);
}

const LocalDomain *
local_domain_of_uuid (const GPtrArray *domains, const char *uuid)
{
  for (guint i = 0; i < domains->len; i++) {
    const LocalDomain *domain = g_ptr_array_index (domains, i);
    if (g_ascii_strcasecmp (domain->uuid, uuid) == 0)
      return domain;
  }
  return NULL;
}

gboolean
local_domain_has_same_disks (const LocalDomain *one, const LocalDomain *other)
{
  if (strcmp (one->uuid, other->uuid) != 0 || one->disks->len != other->disks->len)
    return FALSE;
  for (guint i = 0; i < one->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (one->disks, i);
    const LocalDisk *same = local_domain_disk (other, disk->target);
    if (!same || strcmp (disk->format, same->format) != 0 ||
        g_strcmp0 (disk->method, same->method) != 0 ||
        g_strcmp0 (disk->beneath, same->beneath) != 0 ||
        strcmp (disk->directory, same->directory) != 0 || strcmp (disk->file, same->file) != 0)
      return FALSE;
  }
  return TRUE;
}

char *
local_disk_path (const LocalDisk *disk)
{
  return g_build_filename (disk->directory, disk->file, NULL);
}

gboolean
local_disk_is_raw (const LocalDisk *disk)
{
  return strcmp (disk->format, "raw") == 0;
}

const LocalDisk *
local_domain_disk (const LocalDomain *domain, const char *target)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const LocalDisk *disk = g_ptr_array_index (domain->disks, i);
    if (strcmp (disk->target, target) == 0)
      return disk;
  }
  return NULL;
}

static LocalDomain *
local_domain_new (const char *name)
{
  LocalDomain *domain = g_new0 (LocalDomain, 1);
  domain->refs = 1;
  domain->name = g_strdup (name);
  domain->disks = g_ptr_array_new_with_free_func (local_disk_free);
  domain->files = g_ptr_array_new_with_free_func (g_free);
  return domain;
}

/* The type of an entry as readdir gives it, or of the file where the file system does not say. */
static mode_t
entry_type (int directory, const ListingEntry *entry)
{
  struct stat status;
  if (entry->type != DT_UNKNOWN)
    return DTTOIF (entry->type);
  if (fstatat (directory, entry->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
    return 0;
  return status.st_mode & S_IFMT;
}

static void
add_entries (Scan *scan, const Listing *listing)
{
  for (guint i = 0; i < listing->entries->len; i++) {
    const ListingEntry *entry = &g_array_index (listing->entries, ListingEntry, i);
    if (entry->name[0] == '.')
      continue;
    mode_t type = entry_type (places_store_fd (scan->places), entry);
    if (type == S_IFDIR)
      g_ptr_array_add (scan->directories, g_strdup (entry->name));
    else if (type == S_IFREG && g_str_has_suffix (entry->name, SUFFIX))
      g_ptr_array_add (scan->images, g_strdup (entry->name));
  }
}

/* Then nobody can tell what is there, and it passes: no reason to take a domain for another. */
static gboolean
is_shortage (int number)
{
  return number == EMFILE || number == ENFILE || number == ENOMEM;
}

/* The bytes of a description.  NULL with an error; NULL without one: there is no description. */
static char *
read_description (const Places *places, const char *name, struct stat *status, gsize *length,
                  GError **error)
{
  g_autofree char *path = g_build_filename (places_store_path (places), name, DESCRIPTION, NULL);
  g_autofree char *text = g_malloc (MAX_DESCRIPTION + 2);
  g_autoptr (GError) wrong = NULL;
  autofd fd = places_open_path (places, path, O_RDONLY | O_NOFOLLOW, &wrong);
  if (fd < 0) {
    int number = errno;
    /* A directory that we may not look into (lost+found) is no domain either. */
    if (is_shortage (number) || lstat (path, status) == 0 || (errno != ENOENT && errno != EACCES))
      g_propagate_error (error, g_steal_pointer (&wrong));
    errno = number;
    return NULL;
  }
  if (fstat (fd, status) < 0 || !S_ISREG (status->st_mode)) {
    fail (error, BACKEND_ERROR_DAMAGED, "it is not a regular file");
    return NULL;
  }
  for (*length = 0; *length <= MAX_DESCRIPTION;) {
    gssize got = read (fd, text + *length, MAX_DESCRIPTION + 1 - *length);
    if (got < 0) {
      fail_errno (error, "reading it");
      return NULL;
    }
    if (got == 0)
      break;
    *length += (gsize)got;
  }
  if (*length > MAX_DESCRIPTION) {
    fail (error, BACKEND_ERROR_DAMAGED, "it is longer than %d bytes", MAX_DESCRIPTION);
    return NULL;
  }
  text[*length] = '\0';
  return g_realloc (g_steal_pointer (&text), *length + 1);
}

/* A file or a device by whatever name: what it is, or the name while it is missing. */
static char *
file_key (const char *path)
{
  struct stat status;
  if (stat (path, &status) < 0)
    return g_strdup (path);
  if (S_ISBLK (status.st_mode))
    return g_strdup_printf ("device %" G_GUINT64_FORMAT, (guint64)status.st_rdev);
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT, (guint64)status.st_dev,
                          (guint64)status.st_ino);
}

static void
claim_file (Scan *scan, LocalDomain *domain, const char *path)
{
  g_autofree char *key = file_key (path);
  const LocalDomain *other = g_hash_table_lookup (scan->files, key);
  if (!other)
    g_hash_table_insert (scan->files, g_steal_pointer (&key), domain);
  else if (other != domain)
    describe_problem (&domain->problem, "%s is a disk of %s too", path, other->name);
}

/* Each file is one domain's, and each uuid too: records are kept under it. */
static void
add_domain (Scan *scan, LocalDomain *domain)
{
  LocalDomain *other = g_hash_table_lookup (scan->uuids, domain->uuid);
  if (other) { /* which of them the records are of is not known */
    describe_problem (&domain->problem, "it has the same uuid as %s", other->name);
    describe_problem (&other->problem, "it has the same uuid as %s", domain->name);
  } else
    g_hash_table_insert (scan->uuids, domain->uuid, domain);
  for (guint i = 0; i < domain->files->len; i++)
    claim_file (scan, domain, g_ptr_array_index (domain->files, i));
  g_hash_table_insert (scan->names, domain->name, domain);
  g_ptr_array_add (scan->domains, domain);
}

static gboolean
scan_directory (Scan *scan, const char *name, GError **error)
{
  g_autofree char *directory = g_build_filename (places_store_path (scan->places), name, NULL);
  g_autoptr (GError) wrong = NULL;
  struct stat status = { 0 };
  gsize length = 0;
  g_autofree char *text = read_description (scan->places, name, &status, &length, &wrong);
  if (!text && !wrong)
    return TRUE;
  if (!text && is_shortage (errno)) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  LocalDomain *domain = local_domain_new (name);
  domain->changed = status.st_mtim.tv_sec;
  if (text) {
    describe_domain (scan->places, domain, directory, text, length);
    domain->xml = g_steal_pointer (&text);
  } else {
    describe_problem (&domain->problem, "domain.xml: %s", wrong->message);
    domain->uuid = uuid_of_name (name);
  }
  add_domain (scan, domain);
  return TRUE;
}

/* There is no description, so none can have changed: the image's birth, for its modification
 * moves with everything that the guest writes. */
static gint64
image_time (const Places *places, const char *file)
{
  struct statx status;
  if (statx (places_store_fd (places), file, AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME,
             &status) < 0)
    return 0;
  return status.stx_mask & STATX_BTIME ? status.stx_btime.tv_sec : status.stx_mtime.tv_sec;
}

static void
scan_image (Scan *scan, const char *file)
{
  const char *store = places_store_path (scan->places);
  g_autofree char *name = g_strndup (file, strlen (file) - strlen (SUFFIX));
  g_autofree char *path = g_build_filename (store, file, NULL);
  g_autofree char *key = file_key (path);
  if (g_hash_table_contains (scan->files, key))
    return;
  LocalDomain *domain = g_hash_table_lookup (scan->names, name);
  if (domain) {
    describe_problem (&domain->problem, "%s and the directory %s want the same name", file, name);
    return;
  }
  domain = local_domain_new (name);
  domain->bare = TRUE;
  domain->changed = image_time (scan->places, file);
  describe_bare (domain, store, file);
  add_domain (scan, domain);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static gint
compare_domains (gconstpointer a, gconstpointer b)
{
  const LocalDomain *const *one = a, *const *other = b;
  return strcmp ((*one)->name, (*other)->name);
}

static void
local_domain_release (gpointer domain)
{
  local_domain_unref (domain);
}

static void
scan_clear (Scan *scan)
{
  g_clear_pointer (&scan->domains, g_ptr_array_unref);
  g_clear_pointer (&scan->directories, g_ptr_array_unref);
  g_clear_pointer (&scan->images, g_ptr_array_unref);
  g_clear_pointer (&scan->names, g_hash_table_unref);
  g_clear_pointer (&scan->files, g_hash_table_unref);
  g_clear_pointer (&scan->uuids, g_hash_table_unref);
}

Listing *
scan_list (const Places *places, Job *job, GError **error)
{
  return listing_read (places_store_fd (places), places_store_path (places), job, error);
}

GPtrArray *
scan_store (const Places *places, GError **error)
{
  g_autoptr (Listing) listing = scan_list (places, NULL, error);
  return listing ? scan_listed (places, listing, error) : NULL;
}

GPtrArray *
scan_listed (const Places *places, const Listing *listing, GError **error)
{
  __attribute__ ((cleanup (scan_clear))) Scan scan = {
    .places = places,
    .domains = g_ptr_array_new_with_free_func (local_domain_release),
    .directories = g_ptr_array_new_with_free_func (g_free),
    .images = g_ptr_array_new_with_free_func (g_free),
    .names = g_hash_table_new (g_str_hash, g_str_equal),
    .files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .uuids = g_hash_table_new (g_str_hash, g_str_equal),
  };
  add_entries (&scan, listing);
  g_ptr_array_sort (scan.directories, compare_names);
  g_ptr_array_sort (scan.images, compare_names);
  for (guint i = 0; i < scan.directories->len; i++)
    if (!scan_directory (&scan, g_ptr_array_index (scan.directories, i), error))
      return NULL;
  for (guint i = 0; i < scan.images->len; i++)
    scan_image (&scan, g_ptr_array_index (scan.images, i));
  g_ptr_array_sort (scan.domains, compare_domains);
  return g_steal_pointer (&scan.domains);
}
