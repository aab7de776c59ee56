/* Looking at a whole store: who opens it, what is read, and in which order it is looked at.
 *
 * Repairing comes first and by itself; then everything is looked at as if nothing had been
 * repaired, so that what is said to be in order was seen to be. */
#include "check.h"
#include "check-findings.h"
#include "fd.h"
#include "file-names.h"
#include "hook.h"
#include "internal.h"
#include "listing.h"
#include "moved.h"
#include "orphan-records.h"
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>

void
check_say (Check *check, CheckKind kind, const char *path, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  check->faults += kind == CHECK_FAULT;
  check->options->say (kind, path, sentence, check->options->data);
}

/* -------------------------------------------------------------------- reading the records */

static void
check_domain_free (gpointer data)
{
  CheckDomain *domain = data;
  fd_close_pointer (&domain->fd);
  g_free (domain->path);
  g_free (domain->uuid);
  g_clear_pointer (&domain->files, g_ptr_array_unref);
  g_clear_pointer (&domain->records, records_free);
  g_hash_table_unref (domain->internals);
  g_free (domain);
}

static void
list_internals (const Check *check, CheckDomain *domain)
{
  g_autoptr (GPtrArray) snapshots = internal_list (check->places, domain->found, domain->records);
  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);
    g_hash_table_add (domain->internals, g_strdup (snapshot->id));
  }
}

static gboolean
read_domain (Check *check, int all, const char *path, const char *uuid, GError **error)
{
  CheckDomain *domain = g_new0 (CheckDomain, 1);
  g_ptr_array_add (check->domains, domain);
  domain->path = g_build_filename (path, uuid, NULL);
  domain->uuid = g_strdup (uuid);
  domain->internals = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  domain->found = local_domain_of_uuid (check->found, uuid);
  domain->fd = openat (all, uuid, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (domain->fd < 0)
    return fail_errno (error, "%s", domain->path);
  domain->files = listing_of (domain->fd, domain->path, error);
  g_autofree char *name =
      domain->found ? g_strdup (domain->found->name) : orphan_name (domain->fd, uuid);
  if (domain->files)
    domain->records = domain->found
                          ? moved_records_read (check->places, domain->fd, domain->found, error)
                          : records_read (domain->fd, uuid, name, error);
  if (domain->records && domain->found)
    list_internals (check, domain);
  return domain->records != NULL;
}

gboolean
check_read_domains (Check *check, GError **error)
{
  g_autofree char *path =
      g_build_filename (places_store_path (check->places), RECORDS_DIRECTORY, NULL);
  g_ptr_array_set_size (check->domains, 0);
  autofd all = openat (places_store_fd (check->places), RECORDS_DIRECTORY,
                       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (all < 0)
    return errno == ENOENT || fail_errno (error, "%s", path);
  g_autoptr (GPtrArray) names = listing_of (all, path, error);
  for (guint i = 0; names && i < names->len; i++)
    if (g_uuid_string_is_valid (g_ptr_array_index (names, i)) &&
        !read_domain (check, all, path, g_ptr_array_index (names, i), error))
      return FALSE;
  return names != NULL;
}

/* -------------------------------------------------------------------- the whole */

static gboolean
scan_again (Check *check, GError **error)
{
  g_clear_pointer (&check->found, g_ptr_array_unref);
  check->found = scan_store (check->places, error);
  return check->found && check_read_domains (check, error);
}

static gboolean
look (Check *check, GError **error)
{
  g_autoptr (CheckImages) images =
      scan_again (check, error) ? check_images_find (check, error) : NULL;
  if (!images)
    return FALSE;
  check_records (check);
  check_use (check, images);
  return check_images (check, images, error);
}

/* As the daemon does. */
static gboolean
take_store (const Check *check, GError **error)
{
  const char *path = places_store_path (check->places);
  int how = (check->options->repair ? LOCK_EX : LOCK_SH) | LOCK_NB;
  if (flock (places_store_fd (check->places), how) == 0)
    return TRUE;
  if (errno == EWOULDBLOCK)
    return fail (error, BACKEND_ERROR_BUSY,
                 "%s is in use by a vmsnapfs or by another check: "
                 "unmount it first",
                 path);
  return fail_errno (error, "locking %s", path);
}

gboolean
check_store (const char *path, const CheckOptions *options, guint *faults, GError **error)
{
  g_autoptr (Places) places = places_open (path, options->allow, error);
  g_autoptr (GPtrArray) domains = g_ptr_array_new_with_free_func (check_domain_free);
  Check check = { .places = places, .options = options, .domains = domains };
  gboolean looked =
      places && hook_use (places, options->hook, 0, error) && take_store (&check, error) &&
      (!options->repair || (scan_again (&check, error) && check_repair (&check, error)));
  check.faults = 0;
  looked = looked && look (&check, error);
  *faults = check.faults;
  g_ptr_array_set_size (domains, 0); /* they refer to what was found */
  g_clear_pointer (&check.found, g_ptr_array_unref);
  return looked;
}
