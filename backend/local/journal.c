/* The journal of one domain: a sealed file that exists only between the commit point of an
 * operation and its end. */
#include "journal.h"
#include "device.h"
#include "fd.h"
#include "note.h"
#include "sealed.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define JOURNAL_UNCOMMITTED JOURNAL_FILE UNFINISHED_SUFFIX

static void
journal_disk_free (JournalDisk *disk)
{
  g_free (disk->directory);
  g_free (disk->file);
  g_free (disk->prepared);
  g_free (disk->freeze);
  g_free (disk->copy);
  g_clear_pointer (&disk->back, record_image_free);
  g_free (disk->attempt);
  g_free (disk->node);
  g_free (disk);
}

Journal *
journal_new (void)
{
  Journal *journal = g_new0 (Journal, 1);
  journal->disks = g_ptr_array_new_with_free_func ((GDestroyNotify)journal_disk_free);
  journal->put = g_ptr_array_new_with_free_func (g_free);
  journal->remove = g_ptr_array_new_with_free_func (g_free);
  return journal;
}

void
journal_free (Journal *journal)
{
  g_ptr_array_unref (journal->disks);
  g_ptr_array_unref (journal->put);
  g_ptr_array_unref (journal->remove);
  g_free (journal->socket);
  g_free (journal);
}

char *
journal_prepared_name (void)
{
  g_autofree char *uuid = g_uuid_string_random ();
  return g_strconcat (IMAGE_PREFIX, uuid, PREPARED_SUFFIX, NULL);
}

gboolean
journal_is_prepared_name (const char *name)
{
  if (!g_str_has_prefix (name, IMAGE_PREFIX) || !g_str_has_suffix (name, PREPARED_SUFFIX))
    return FALSE;
  gsize length = strlen (name) - strlen (IMAGE_PREFIX) - strlen (PREPARED_SUFFIX);
  g_autofree char *uuid = g_strndup (name + strlen (IMAGE_PREFIX), length);
  return g_uuid_string_is_valid (uuid);
}

gboolean
journal_mark (int fd, const struct stat *status, gint64 *mark, GError **error)
{
  if (S_ISBLK (status->st_mode))
    return device_mark (fd, mark, error);
  *mark = (gint64)status->st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000) + status->st_mtim.tv_nsec;
  return TRUE;
}

gboolean
journal_exists (int records)
{
  return note_exists (records, JOURNAL_FILE) || note_exists (records, INSIDE_FILE);
}

gboolean
journal_sync (int fd, const char *what, GError **error)
{
  return fsync (fd) == 0 || fail_errno (error, "making %s durable", what);
}

/* -------------------------------------------------------------------- writing */

static JsonObject *
disk_to_object (const JournalDisk *disk, const Places *places)
{
  g_autofree char *directory = places_spell (places, disk->directory);
  JsonObject *object = json_object_new ();
  sealed_set_string (object, "directory", directory);
  sealed_set_string (object, "file", disk->file);
  sealed_set_string (object, "prepared", disk->prepared);
  sealed_set_string (object, "freeze", disk->freeze);
  json_object_set_int_member (object, "inode", (gint64)disk->inode);
  json_object_set_int_member (object, "modified", disk->modified);
  json_object_set_int_member (object, "overlay", (gint64)disk->overlay);
  sealed_set_string (object, "copy", disk->copy);
  json_object_set_int_member (object, "copied", (gint64)disk->copied);
  json_object_set_boolean_member (object, "raw", disk->raw);
  if (disk->back)
    json_object_set_object_member (object, "back", record_image_to_object (disk->back));
  sealed_set_string (object, "attempt", disk->attempt);
  json_object_set_boolean_member (object, "named", disk->named);
  sealed_set_string (object, "node", disk->node);
  return object;
}

static JsonArray *
strings_to_array (const GPtrArray *strings)
{
  JsonArray *array = json_array_new ();
  for (guint i = 0; i < strings->len; i++)
    sealed_add_string (array, g_ptr_array_index (strings, i));
  return array;
}

static JsonNode *
journal_to_node (const Journal *journal, const Places *places)
{
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *socket = journal->socket ? places_spell (places, journal->socket) : NULL;
  JsonArray *disks = json_array_new ();
  for (guint i = 0; i < journal->disks->len; i++)
    json_array_add_object_element (disks,
                                   disk_to_object (g_ptr_array_index (journal->disks, i), places));
  json_object_set_array_member (object, "disks", disks);
  json_object_set_array_member (object, "put", strings_to_array (journal->put));
  json_object_set_array_member (object, "remove", strings_to_array (journal->remove));
  json_object_set_boolean_member (object, "together", journal->together);
  sealed_set_string (object, "socket", socket);
  json_object_set_boolean_member (object, "resume", journal->resume);
  json_object_set_int_member (object, "process", journal->process);
  return json_node_init_object (json_node_alloc (), object);
}

gboolean
journal_prepare (int records, const Places *places, const Journal *journal, GError **error)
{
  g_autoptr (JsonNode) root = journal_to_node (journal, places);
  return sealed_write (records, JOURNAL_UNCOMMITTED, root, error);
}

void
journal_forget (int records)
{
  unlinkat (records, JOURNAL_UNCOMMITTED, 0);
}

gboolean
journal_commit (int records, gboolean *committed, GError **error)
{
  *committed = renameat (records, JOURNAL_UNCOMMITTED, records, JOURNAL_FILE) == 0;
  if (!*committed)
    return fail_errno (error, "writing the journal");
  return journal_sync (records, "the journal", error);
}

gboolean
journal_give_up (int records, GError **error)
{
  if (unlinkat (records, JOURNAL_FILE, 0) < 0)
    return fail_errno (error, "removing the journal");
  return journal_sync (records, "the records", error);
}

/* -------------------------------------------------------------------- reading */

static gboolean
is_file_name (const char *name)
{
  return name && *name && !strchr (name, '/') && strcmp (name, ".") != 0 &&
         strcmp (name, "..") != 0;
}

static gboolean
back_from_object (JsonObject *object, JournalDisk *disk)
{
  if (!json_object_has_member (object, "back"))
    return TRUE;
  JsonNode *node = json_object_get_member (object, "back");
  disk->attempt = sealed_string (object, "attempt");
  disk->back =
      JSON_NODE_HOLDS_OBJECT (node) ? record_image_from_object (json_node_get_object (node)) : NULL;
  return disk->back && record_image_is_elsewhere (disk->back) && !disk->prepared && disk->attempt &&
         g_uuid_string_is_valid (disk->attempt);
}

static gboolean
disk_from_object (JsonObject *object, const Places *places, Journal *journal)
{
  g_autofree char *directory = sealed_string (object, "directory");
  JournalDisk *disk = g_new0 (JournalDisk, 1);
  g_ptr_array_add (journal->disks, disk);
  disk->directory = directory ? places_resolve (places, directory) : NULL;
  disk->file = sealed_string (object, "file");
  disk->prepared = sealed_string (object, "prepared");
  disk->freeze = sealed_string (object, "freeze");
  disk->inode = (guint64)sealed_number (object, "inode");
  disk->modified = sealed_number (object, "modified");
  disk->overlay = (guint64)sealed_number (object, "overlay");
  disk->copy = sealed_string (object, "copy");
  disk->copied = (guint64)sealed_number (object, "copied");
  disk->raw = sealed_flag (object, "raw");
  disk->named = sealed_flag (object, "named");
  disk->node = sealed_string (object, "node");
  return disk->directory && is_file_name (disk->file) && back_from_object (object, disk) &&
         (disk->prepared ? journal_is_prepared_name (disk->prepared) : disk->copy || disk->back) &&
         (!disk->freeze || g_uuid_string_is_valid (disk->freeze)) &&
         (!disk->copy || (disk->freeze && journal_is_prepared_name (disk->copy)));
}

static gboolean
uuids_from_object (JsonObject *object, const char *member, GPtrArray *uuids)
{
  char *uuid;
  for (guint i = 0; (uuid = sealed_element_string (object, member, i)); i++) {
    g_ptr_array_add (uuids, uuid);
    if (!g_uuid_string_is_valid (uuid))
      return FALSE;
  }
  return TRUE;
}

static gboolean
journal_from_object (JsonObject *object, const Places *places, Journal *journal)
{
  g_autofree char *socket = sealed_string (object, "socket");
  JsonObject *disk;
  journal->socket = socket ? places_resolve (places, socket) : NULL;
  journal->resume = sealed_flag (object, "resume");
  journal->process = sealed_number (object, "process");
  for (guint i = 0; (disk = sealed_element (object, "disks", i)); i++)
    if (!disk_from_object (disk, places, journal))
      return FALSE;
  journal->together = sealed_flag (object, "together");
  return uuids_from_object (object, "put", journal->put) &&
         uuids_from_object (object, "remove", journal->remove);
}

Journal *
journal_read (int records, const Places *places, GError **error)
{
  g_autoptr (JsonObject) object = sealed_read (records, JOURNAL_FILE, error);
  if (!object)
    return NULL;
  g_autoptr (Journal) journal = journal_new ();
  if (!journal_from_object (object, places, journal)) {
    fail (error, BACKEND_ERROR_DAMAGED, "the journal contradicts itself");
    return NULL;
  }
  return g_steal_pointer (&journal);
}

gboolean
journal_settle (int records, GError **error)
{
  return journal_sync (records, "the records", error);
}
