/* The table of methods, and which one a disk is snapshotted by.
 *
 * What a method does is its own file's matter (method-qemu.c, method-btrfs.c, method-storage.c). */
#include "method.h"

static const Method *const methods[] = { &method_qemu, &method_btrfs, &method_lvm, &method_zfs,
                                         &method_exec };

gboolean
method_is_in_place (const Method *method)
{
  return method->take || method->storage;
}

const Method *
method_of_record (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (g_str_equal (methods[i]->name, name))
      return methods[i];
  return NULL;
}

const Method *
method_find (const char *word, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (g_str_equal (word, methods[i]->name) || g_strcmp0 (word, methods[i]->alias) == 0)
      return methods[i];
  fail (error, BACKEND_ERROR_INVALID,
        "\"%.40s\" is no method: qemu, btrfs (reflink), lvm, zfs and exec are", word);
  return NULL;
}

static const char *
default_word (const LocalDisk *disk)
{
  if (disk->usual)
    return disk->usual;
  return local_disk_is_raw (disk) ? method_btrfs.name : method_qemu.name;
}

const char *
method_word (const Records *records, const LocalDisk *disk)
{
  const char *chosen = records ? records_method (records, disk->target) : NULL;
  if (!chosen)
    chosen = disk->method;
  return chosen ? chosen : default_word (disk);
}

/* A word that came with the domain is no mistake of who takes a snapshot. */
static const Method *
find_own (const Records *records, const LocalDisk *disk, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gboolean described = disk->method && (!records || !records_method (records, disk->target));
  if (described && disk->beneath) {
    fail (error, BACKEND_ERROR_UNSUPPORTED,
          "disk %s: <diskSnapshot> names the device %.200s, which is not the disk: what a file "
          "system is on is not snapshotted beneath it",
          disk->target, disk->beneath);
    return NULL;
  }
  const Method *method = method_find (method_word (records, disk), &wrong);
  if (!method)
    fail (error, BACKEND_ERROR_UNSUPPORTED, "disk %s: %s", disk->target, wrong->message);
  return method;
}

const Method *
method_choose (const Places *places, const Records *records, const LocalDisk *disk,
               const char *word, GError **error)
{
  const Method *method = word ? method_find (word, error) : find_own (records, disk, error);
  return method && method->check (places, disk, error) ? method : NULL;
}

char *
method_possible (const Places *places, const LocalDisk *disk)
{
  GString *names = g_string_new (NULL);
  for (guint i = 0; i < G_N_ELEMENTS (methods); i++)
    if (methods[i]->check (places, disk, NULL))
      g_string_append_printf (names, "%s%s", names->len > 0 ? " " : "", methods[i]->name);
  return g_string_free (names, FALSE);
}
