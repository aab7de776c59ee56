/* Walking a backing chain before QEMU does.
 *
 * An image names its backing file, and QEMU follows that name wherever it leads: /etc/shadow as
 * raw bytes, an address on the network, a loop.  So each command of ours that opens a whole chain
 * is preceded by this walk. */
#include "chain.h"
#include "../qcow2/header.h"
#include "fd.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* QEMU takes what stands before a ':' for a protocol unless a '/' comes first. */
static gboolean
is_plain_path (const char *name)
{
  return name[strcspn (name, ":/")] != ':';
}

static gboolean
check_header (const Qcow2Header *header, const char *path, GError **error)
{
  if (header->encrypted || header->data_file || header->unknown_features)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s is encrypted, has external data or has features that are not known here",
                 path);
  if (!header->backing)
    return TRUE;
  if (!is_plain_path (header->backing))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s has no plain file as its backing file",
                 path);
  if (!header->backing_format)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "%s does not say the format of its backing file: qemu-img rebase -u -F sets it",
                 path);
  return TRUE;
}

static gboolean
is_new_layer (GHashTable *seen, int fd, const char *path, GError **error)
{
  struct stat status;
  if (fstat (fd, &status) < 0)
    return fail_errno (error, "%s", path);
  if (!S_ISREG (status.st_mode))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is no regular file", path);
  g_autofree char *identity = g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT,
                                               (guint64)status.st_dev, (guint64)status.st_ino);
  if (!g_hash_table_add (seen, g_steal_pointer (&identity)))
    return fail (error, BACKEND_ERROR_DAMAGED, "%s is behind itself", path);
  if (g_hash_table_size (seen) > CHAIN_LONGEST)
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s: more than %d images behind one another",
                 path, CHAIN_LONGEST);
  return TRUE;
}

/* The next layer's path; NULL without an error: this was the last. */
static char *
next_layer (const Places *places, const char *path, GHashTable *seen, gboolean *raw, GError **error)
{
  autofd fd = places_open_path (places, path, O_RDONLY, error);
  if (fd < 0 || !is_new_layer (seen, fd, path, error) || *raw)
    return NULL;
  g_autoptr (Qcow2Header) header = qcow2_header_read (fd, error);
  if (!header) {
    g_prefix_error (error, "%s: ", path);
    return NULL;
  }
  if (!check_header (header, path, error) || !header->backing)
    return NULL;
  *raw = g_strcmp0 (header->backing_format, "raw") == 0;
  if (!*raw && g_strcmp0 (header->backing_format, "qcow2") != 0) {
    fail (error, BACKEND_ERROR_UNSUPPORTED, "%s is on a backing file of format %s", path,
          header->backing_format);
    return NULL;
  }
  g_autofree char *directory = g_path_get_dirname (path);
  return places_absolute (directory, header->backing);
}

gboolean
chain_check (const Places *places, const char *directory, const char *file, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *path = places_absolute (directory, file);
  g_autoptr (GError) wrong = NULL;
  gboolean raw = FALSE;
  while (path && !wrong) {
    g_autofree char *next = next_layer (places, path, seen, &raw, &wrong);
    g_free (path);
    path = g_steal_pointer (&next);
  }
  if (!wrong)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}
