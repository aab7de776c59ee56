/* Records of others: the seal says that nothing was damaged, not who wrote it.  The first byte says
 * which file the rest is the body of: 's' a snapshot's record, 'h' the head, 'j' the journal; the
 * seal is made here.  Whatever the body, it is read or refused with a sentence; what was let
 * through is complete, names files without a directory in them, and is the same once written and
 * read again. */
#include "../../backend/local/records.h"
#include "../../backend/local/journal.h"
#include "fuzz.h"
#include "sealing.h"
#include <string.h>

#define DOMAIN "11111111-2222-4333-8444-555555555555"
#define SNAPSHOT "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"

static void
check_images (const GPtrArray *images)
{
  for (guint i = 0; i < images->len; i++) {
    const RecordImage *image = g_ptr_array_index (images, i);
    MUST (image->target && image->directory && g_uuid_string_is_valid (image->image));
  }
}

static void
check_record (int fd, const Record *record)
{
  MUST (record->name && g_strcmp0 (record->uuid, SNAPSHOT) == 0);
  if (record->problem)
    return;
  MUST (record->state != NULL);
  check_images (record->images);
  MUST (records_write_snapshot (fd, record, "", NULL));
  g_autoptr (Records) again = records_read (fd, DOMAIN, "web01", NULL);
  const Record *same = records_find (again, SNAPSHOT);
  MUST (same && !same->problem && strcmp (same->name, record->name) == 0);
  MUST (g_strcmp0 (same->description, record->description) == 0);
  MUST (same->images->len == record->images->len && same->created == record->created);
}

static void
check_records (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Records) records = records_read (fd, DOMAIN, "web01", &error);
  must_agree (records != NULL, error);
  check_images (records->unnamed);
  const Record *record = records_find (records, SNAPSHOT);
  if (record)
    check_record (fd, record);
}

static void
check_journal (int fd, const Places *places)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Journal) journal = journal_read (fd, places, &error);
  must_agree (journal != NULL, error);
  for (guint i = 0; journal && i < journal->disks->len; i++) {
    const JournalDisk *disk = g_ptr_array_index (journal->disks, i);
    MUST (g_path_is_absolute (disk->directory) && disk->file[0] && !strchr (disk->file, '/'));
    MUST (journal_is_prepared_name (disk->prepared) && !strchr (disk->prepared, '/'));
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const Scratch *scratch = scratch_get ();
  const char *name = size == 0 ? NULL : sealing_name (data[0], SNAPSHOT);
  if (!name || !sealing_is_one_value (data + 1, size - 1))
    return -1; /* not to be kept */
  sealing_write (scratch->fd, name, data + 1, size - 1);
  if (data[0] == 'j')
    check_journal (scratch->fd, scratch->places);
  else
    check_records (scratch->fd);
  unlinkat (scratch->fd, name, 0);
  return 0;
}
