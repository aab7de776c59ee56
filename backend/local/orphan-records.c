/* Where records are whose domain is gone. */
#include "orphan-records.h"
#include "fd.h"
#include "file-names.h"
#include "sealed.h"
#include <fcntl.h>
#include <string.h>

#define DROPPED_SUFFIX ".dropped"

gboolean
orphan_open_all (const Store *store, int *all, gboolean *any, GError **error)
{
  *all = openat (places_store_fd (store->places), RECORDS_DIRECTORY,
                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  *any = *all >= 0;
  return *any || errno == ENOENT || fail_errno (error, "opening the records");
}

int
orphan_open (int all, const char *name)
{
  return openat (all, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

char *
orphan_dropped_name (const char *uuid)
{
  return g_strconcat (uuid, DROPPED_SUFFIX, NULL);
}

char *
orphan_uuid (const char *name)
{
  g_autofree char *uuid = g_str_has_suffix (name, DROPPED_SUFFIX)
                              ? g_strndup (name, strlen (name) - strlen (DROPPED_SUFFIX))
                              : g_strdup (name);
  return g_uuid_string_is_valid (uuid) ? g_steal_pointer (&uuid) : NULL;
}

gboolean
orphan_has_domain (const GPtrArray *found, const char *uuid)
{
  return local_domain_of_uuid (found, uuid) != NULL;
}

/* -1 and ENOENT: there are none. */
static int
open_records (int all, const char *uuid, gboolean only_dropped)
{
  g_autofree char *dropped = orphan_dropped_name (uuid);
  int fd = only_dropped ? -1 : orphan_open (all, uuid);
  return fd < 0 && (only_dropped || errno == ENOENT) ? orphan_open (all, dropped) : fd;
}

int
orphan_find (Store *store, const char *uuid, GError **error)
{
  g_autoptr (GPtrArray) found = store_found (store, error);
  gboolean any = FALSE;
  autofd all = -1;
  if (!found || !orphan_open_all (store, &all, &any, error))
    return -1;
  errno = ENOENT;
  int fd = any && g_uuid_string_is_valid (uuid)
               ? open_records (all, uuid, orphan_has_domain (found, uuid))
               : -1;
  if (fd < 0 && errno == ENOENT)
    fail (error, BACKEND_ERROR_NOT_FOUND, "there is no metadata of %s without a domain", uuid);
  else if (fd < 0)
    fail_errno (error, "opening the records");
  return fd;
}

char *
orphan_name (int fd, const char *uuid)
{
  g_autoptr (JsonObject) head = sealed_read (fd, RECORDS_HEAD, NULL);
  char *name = head ? sealed_string (head, "name") : NULL;
  return name ? name : g_strdup (uuid);
}
