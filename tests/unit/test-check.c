/* Checking a store: what is wrong is found where it is, nothing is touched, and what is repaired is
 * in order afterwards, with every byte that anybody can still name. */
#include "../../backend/local/check.h"
#include "../../backend/local/file-names.h"
#include "../../backend/local/journal.h"
#include "../../backend/local/records.h"
#include "../../backend/local/stream-note.h"
#include "local-store.h"
#include <sys/stat.h>

#define RECORDS_GLOB ".vmsnapfs/*"
#define FIRST_IMAGE "$(ls -tr .vmsnapfs-*.qcow2 | head -1)"

/* -------------------------------------------------------------------- checking */

typedef struct {
  guint faults;
  GString *text; /* "fault NAME: …", "note …", "repaired …", a line each */
} Findings;

static void
findings_clear (Findings *findings)
{
  g_string_free (findings->text, TRUE);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Findings, findings_clear)

static void
say (CheckKind kind, const char *path, const char *sentence, gpointer data)
{
  static const char *const kinds[] = { "fault", "note", "repaired" };
  g_autofree char *name = g_path_get_basename (path);
  assert_true (g_path_is_absolute (path));
  g_string_append_printf (data, "%s %s: %s\n", kinds[kind], name, sentence);
}

static gboolean
try_check (const TemporaryDirectory *store, gboolean repair, Findings *findings, GError **error)
{
  const CheckOptions options = { .repair = repair, .say = say, .data = findings->text };
  return check_store (store->path, &options, &findings->faults, error);
}

static Findings
check_with (const TemporaryDirectory *store, gboolean repair)
{
  Findings findings = { 0, g_string_new (NULL) };
  g_autoptr (GError) error = NULL;
  if (!try_check (store, repair, &findings, &error))
    fail_msg ("%s", error->message);
  return findings;
}

static void
assert_clean (const TemporaryDirectory *store)
{
  g_auto (Findings) findings = check_with (store, FALSE);
  if (findings.faults > 0)
    fail_msg ("%s", findings.text->str);
}

static void
assert_finds (const TemporaryDirectory *store, const char *what)
{
  g_auto (Findings) findings = check_with (store, FALSE);
  if (!g_regex_match_simple (what, findings.text->str, G_REGEX_MULTILINE, 0))
    fail_msg ("no \"%s\" in:\n%s", what, findings.text->str);
}

/* -------------------------------------------------------------------- stores */

/* base, base/updates and base/updates/last of web01, each with a byte of its own; closed. */
static void
make_store_of_three (const TemporaryDirectory *store)
{
  static const char *const names[] = { "base", "updates", "last" };
  make_image (store, "web01.qcow2");
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    images_run (store->path, "qemu-io -f qcow2 -c 'write -q -P %u %uM 64k' web01.qcow2", i + 1, i);
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autofree char *id = create (backend, "web01", names[i], NULL);
    assert_non_null (id);
  }
}

/* Names, modes, sizes and all times but of reading, of everything below the store. */
static char *
listing (const TemporaryDirectory *store)
{
  char *text = NULL;
  g_autofree char *output = g_strconcat (store->path, ".list", NULL);
  images_run (store->path,
              "{ find . -printf '%%p %%m %%s %%T@ %%C@\\n' | sort; "
              "find . -type f -exec sha256sum {} + | sort; } > '%s'",
              output);
  assert_true (g_file_get_contents (output, &text, NULL, NULL));
  assert_int_equal (remove (output), 0);
  return text;
}

static int
open_records (const TemporaryDirectory *store)
{
  g_autofree char *all = g_build_filename (store->path, RECORDS_DIRECTORY, NULL);
  g_autoptr (GDir) directory = g_dir_open (all, 0, NULL);
  g_autofree char *path = g_build_filename (all, g_dir_read_name (directory), NULL);
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true (fd >= 0);
  return fd;
}

static Records *
read_records (int fd)
{
  Records *records = records_read (fd, "", "web01", NULL);
  assert_non_null (records);
  return records;
}

static Record *
find_record (const Records *records, const char *name)
{
  TableIter iter = { records->records };
  gpointer value;
  while (table_next (&iter, &value))
    if (g_str_equal (((Record *)value)->name, name))
      return value;
  fail_msg ("no record %s", name);
  return NULL;
}

/* Sealed, and wrong. */
static void
rewrite_record (const TemporaryDirectory *store, const char *which, const char *name,
                const char *parent)
{
  int fd = open_records (store);
  g_autoptr (Records) records = read_records (fd);
  g_autoptr (Record) record = record_copy (find_record (records, which));
  g_free (record->name);
  g_free (record->parent);
  record->name = g_strdup (name);
  record->parent =
      g_strdup (parent && strlen (parent) < 36 ? find_record (records, parent)->uuid : parent);
  assert_true (records_write_snapshot (fd, record, "", NULL));
  close (fd);
}

static void
rewrite_head (const TemporaryDirectory *store, const char *current)
{
  int fd = open_records (store);
  g_autoptr (Records) records = read_records (fd);
  g_free (records->current);
  records->current = g_strdup (current);
  assert_true (records_write_head (fd, records, "", NULL));
  close (fd);
}

/* -------------------------------------------------------------------- looking */

static void
a_sound_store_is_clean_and_not_touched (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  g_autofree char *before = listing (store);
  g_auto (Findings) findings = check_with (store, FALSE);
  assert_int_equal (findings.faults, 0);
  assert_string_equal (findings.text->str, "");
  g_autofree char *after = listing (store);
  assert_string_equal (before, after);
  g_auto (Findings) repaired = check_with (store, TRUE);
  assert_string_equal (repaired.text->str, "");
  g_autofree char *last = listing (store);
  assert_string_equal (before, last);
}

static void
a_directory_without_records_is_clean (void **state)
{
  TemporaryDirectory *store = *state;
  assert_clean (store);
  make_image (store, "web01.qcow2");
  assert_clean (store);
}

static void
a_store_that_is_mounted_is_busy (void **state)
{
  TemporaryDirectory *store = *state;
  g_auto (Findings) findings = { 0, g_string_new (NULL) };
  make_store_of_three (store);
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autoptr (GError) error = NULL;
    assert_false (try_check (store, FALSE, &findings, &error));
    assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
  }
  g_autoptr (Backend) reading = open_store (store, TRUE);
  g_autoptr (GError) error = NULL;
  assert_true (try_check (store, FALSE, &findings, NULL));
  assert_false (try_check (store, TRUE, &findings, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_BUSY));
}

static void
what_is_only_worth_a_note_is_no_fault (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  images_run (store->path, "mkdir gone && mv web01.qcow2 gone/disk");
  assert_finds (store, "^fault gone|^fault disk");
  images_run (store->path, "mv gone/disk web01.qcow2 && mv web01.qcow2 web02.qcow2");
  assert_clean (store);
  assert_finds (store, "^note .*its domain is gone and has left the records of 3 snapshots");
}

typedef struct {
  const char *damage; /* a shell command in the store */
  const char *found;  /* regular expression */
  gboolean repaired;  /* by --repair */
} Case;

#define LAST_RECORD "$(ls -tr .vmsnapfs/*/s-* | tail -1)"

static const Case cases[] = {
  { "truncate -s 100 " LAST_RECORD, "^fault s-.*: record s-.* is damaged", TRUE },
  { "f=" LAST_RECORD " && mv $f moved && ln -s \"$PWD/moved\" $f",
    "^fault s-.*: record s-.*: Too many levels", TRUE },
  { "truncate -s 0 $(ls -tr .vmsnapfs/*/s-* | head -1)", "^fault s-.* is damaged", TRUE },
  { "truncate -s 10 " RECORDS_GLOB "/head", "^fault head: record head is damaged", TRUE },
  { "rm " RECORDS_GLOB "/head", "^fault head: ", TRUE },
  { "touch $(echo " RECORDS_GLOB ")/head.new", "^fault head.new: was prepared", TRUE },
  { "touch $(echo " RECORDS_GLOB ")/journal.t", "^fault journal.t: was prepared", TRUE },
  { "cp web01.qcow2 .vmsnapfs-$(cat /proc/sys/kernel/random/uuid).new",
    "^fault .vmsnapfs-.*new: was prepared", TRUE },
  { "chmod u+w " FIRST_IMAGE, "^fault .vmsnapfs-.*: is frozen and may be written to", TRUE },
  { "echo damaged > $(echo " RECORDS_GLOB ")/journal", "^fault .*: record journal is damaged",
    FALSE },
  { "rm -f " FIRST_IMAGE, "^fault s-.*: the image of base, disk vda: .*No such file", FALSE },
  { "f=" FIRST_IMAGE " && rm $f && echo no > $f", "^fault .vmsnapfs-.*: not", FALSE },
  { "f=" FIRST_IMAGE " && chmod u+w $f && qemu-img resize -q $f 9M && chmod a-w $f",
    "^fault .vmsnapfs-.*: holds a disk of 9437184 bytes, and the record of base says 8388608",
    FALSE },
  { "f=" FIRST_IMAGE " && qemu-img rebase -q -u -f qcow2 -b web01.qcow2 -F qcow2 $f",
    "^fault web01.qcow2: is behind itself", FALSE },
  { "qemu-img rebase -q -u -f qcow2 -b nbd://host/x -F qcow2 web01.qcow2",
    "^fault web01.qcow2: its backing file nbd://host/x is no file", FALSE },
  { "cp web01.qcow2 .vmsnapfs-$(cat /proc/sys/kernel/random/uuid).raw && chmod a-w "
    ".vmsnapfs-*.raw",
    "^fault .vmsnapfs-.*raw: is named nowhere and nothing is read through it", FALSE },
  { "cp web01.qcow2 .vmsnapfs-$(cat /proc/sys/kernel/random/uuid).qcow2 && chmod a-w "
    ".vmsnapfs-*.qcow2",
    "^fault .vmsnapfs-.*: is named nowhere and nothing is read through it", FALSE },
  { "f=" FIRST_IMAGE " && chmod u+w $f && dd if=/dev/zero of=$f bs=2 seek=$((0x10000)) count=4 "
    "conv=notrunc status=none && chmod a-w $f",
    "^fault .vmsnapfs-.*: qemu-img check finds errors", FALSE },
  { "echo '<domain' > d && mkdir db01 && mv d db01/domain.xml", "^fault db01: ", FALSE },
};

static void
every_kind_of_damage_is_found_and_only_what_is_certain_repaired (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  g_autofree char *copy = g_strconcat (store->path, ".copy", NULL);
  images_run ("/", "cp -a '%s' '%s'", store->path, copy);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    images_run (store->path, "%s", cases[i].damage);
    g_autofree char *before = listing (store);
    assert_finds (store, cases[i].found);
    g_autofree char *after = listing (store);
    assert_string_equal (before, after);
    g_auto (Findings) findings = check_with (store, TRUE);
    if ((findings.faults == 0) != cases[i].repaired)
      fail_msg ("%s:\n%s", cases[i].damage, findings.text->str);
    if (cases[i].repaired) {
      assert_true (strstr (findings.text->str, "repaired ") != NULL);
      assert_clean (store);
    }
    images_run (store->path, "rm -rf -- * .vmsnapfs* && cp -a '%s'/. .", copy);
  }
  images_remove (g_steal_pointer (&copy));
}

/* -------------------------------------------------------------------- what was interrupted */

static void
an_interrupted_operation_is_completed (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  int fd = open_records (store);
  g_autoptr (Records) records = read_records (fd);
  g_autoptr (Places) places = places_open (store->path, NULL, NULL);
  g_autoptr (Journal) journal = journal_new ();
  gboolean committed;
  g_ptr_array_add (journal->remove, g_strdup (find_record (records, "last")->uuid));
  g_free (records->current);
  records->current = g_strdup (find_record (records, "updates")->uuid);
  assert_true (records_write_head (fd, records, PREPARED_SUFFIX, NULL));
  assert_true (journal_prepare (fd, places, journal, NULL));
  assert_true (journal_commit (fd, &committed, NULL));
  close (fd);
  assert_finds (store, "^fault .*: an interrupted operation is to be completed");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  assert_non_null (strstr (findings.text->str, "the interrupted operation is completed"));
  g_autoptr (Backend) backend = open_store (store, TRUE);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  assert_int_equal (domain_snapshots (domain)->len, 2);
  assert_string_equal (domain->current, domain_named (domain, "updates", 0)->id);
}

/* Bytes are never wrong then, so it is worth a note only; leaks are what is repaired. */
static void
the_image_of_an_interrupted_folding_is_repaired (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  images_run (store->path, "f=" FIRST_IMAGE " && printf %%s $f > $(echo " RECORDS_GLOB
                           ")/folding && chmod u+w $f && printf '\\0\\2' | dd of=$f bs=1 "
                           "seek=$((0x2000a)) conv=notrunc status=none && ! qemu-img check -q $f");
  assert_clean (store);
  assert_finds (store, "^note .vmsnapfs-.*: was written to by a folding");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  assert_non_null (strstr (findings.text->str, "an interrupted folding left"));
  g_auto (Findings) again = check_with (store, FALSE);
  assert_string_equal (again.text->str, "");
  images_run (store->path, "qemu-img check -q " FIRST_IMAGE);
}

/* A running machine's QEMU may have taken clusters that it did not come to use. */
static void
the_disk_of_an_interrupted_folding_is_repaired (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  g_autoptr (Places) places = places_open (store->path, NULL, NULL);
  g_autofree char *disk = g_build_filename (places_store_path (places), "web01.qcow2", NULL);
  int records = open_records (store);
  assert_true (stream_note_write (records, places, disk, NULL));
  close (records);
  images_run (store->path,
              "printf '\\0\\1' | dd of=web01.qcow2 bs=1 seek=$((0x20028)) conv=notrunc "
              "status=none && truncate -s 2M web01.qcow2 && ! qemu-img check -q "
              "web01.qcow2");
  assert_finds (store, "^note web01.qcow2: an image was being folded into it");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  assert_non_null (strstr (findings.text->str, "may have taken is freed"));
  g_auto (Findings) again = check_with (store, FALSE);
  assert_string_equal (again.text->str, "");
  images_run (store->path, "qemu-img check -q web01.qcow2");
}

/* -------------------------------------------------------------------- records that are whole */

static void
a_parent_that_is_missing_becomes_none (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  rewrite_record (store, "last", "last", "93a5c045-6457-4c09-a56c-927cdf34e178");
  assert_finds (store, "^fault s-.*: the parent of last, 93a5c045.*, is missing");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  int fd = open_records (store);
  g_autoptr (Records) records = read_records (fd);
  assert_null (find_record (records, "last")->parent);
  assert_non_null (find_record (records, "updates")->parent);
  close (fd);
}

static void
a_circle_of_parents_is_cut (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  rewrite_record (store, "base", "base", "updates");
  assert_finds (store, "^fault s-.*: base descends from itself");
  assert_finds (store, "^fault s-.*: updates descends from itself");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  int fd = open_records (store);
  g_autoptr (Records) records = read_records (fd);
  assert_null (find_record (records, "base")->parent);
  assert_non_null (find_record (records, "last")->parent);
  close (fd);
}

static void
two_of_one_name_are_told_and_left (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  rewrite_record (store, "last", "base", "updates");
  assert_finds (store, "^fault s-.*: the snapshot .* has the same name as ");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 1);
}

static void
a_current_that_is_not_there_becomes_none (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  rewrite_head (store, "93a5c045-6457-4c09-a56c-927cdf34e178");
  assert_finds (store, "^fault head: the current snapshot, 93a5c045.*, is not there");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  g_autoptr (Backend) backend = open_store (store, TRUE);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  assert_null (domain->current);
}

/* -------------------------------------------------------------------- damaged metadata */

/* The first byte of what each snapshot wrote, as the mount would read it. */
static void
assert_reads (Backend *backend, const char *id, guint which)
{
  g_autoptr (GError) error = NULL;
  guint8 byte = 0;
  g_autoptr (DiskReader) reader = backend_open_disk (backend, "web01", id, "vda", &error);
  if (!reader || !disk_reader_read (reader, &byte, 1, (guint64)which << 20, TRUE, &error))
    fail_msg ("%s", error->message);
  assert_int_equal (byte, which + 1);
}

static guint
assert_all_but_damaged_are_there (Backend *backend)
{
  static const char *const names[] = { "base", "updates", "last" };
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  guint whole = 0;
  assert_non_null (domain);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const Snapshot *snapshot = domain_named (domain, names[i], 0);
    whole += snapshot != NULL;
    if (snapshot)
      assert_reads (backend, snapshot->id, i);
  }
  return whole;
}

/* A file with one byte flipped (@offset) or cut off there. */
static void
damage_file (const char *path, const char *text, gsize length, gsize offset, gboolean cut)
{
  g_autofree char *changed = g_memdup2 (text, length);
  if (!cut)
    changed[offset] ^= 0x10;
  assert_true (g_file_set_contents (path, changed, cut ? (gssize)offset : (gssize)length, NULL));
}

static void
assert_survives_damage (const TemporaryDirectory *store, const char *path)
{
  gboolean is_record = strstr (path, "/s-") != NULL;
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autoptr (GError) error = NULL;
    g_autofree char *refused = create (backend, "web01", "new", &error);
    assert_int_equal (assert_all_but_damaged_are_there (backend), is_record ? 2 : 3);
    assert_null (refused);
    assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_DAMAGED));
  }
  g_auto (Findings) findings = check_with (store, TRUE);
  if (findings.faults > 0)
    fail_msg ("%s: %s", path, findings.text->str);
  g_autoptr (Backend) backend = open_store (store, FALSE);
  assert_int_equal (assert_all_but_damaged_are_there (backend), is_record ? 2 : 3);
  g_autofree char *id = create (backend, "web01", "new", NULL);
  assert_non_null (id);
}

/* L14: one damaged metadata file hides a subtree. */
static void
one_damaged_file_hides_only_itself_and_a_repair_opens_the_domain_again (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  g_autofree char *copy = g_strconcat (store->path, ".copy", NULL);
  images_run ("/", "cp -a '%s' '%s'", store->path, copy);
  int fd = open_records (store);
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d", fd);
  g_autofree char *directory = g_file_read_link (link, NULL);
  g_autoptr (GDir) names = g_dir_open (directory, 0, NULL);
  close (fd);
  for (const char *name; (name = g_dir_read_name (names));) {
    g_autofree char *path = g_build_filename (directory, name, NULL);
    g_autofree char *text = NULL;
    gsize length = 0;
    assert_true (g_file_get_contents (path, &text, &length, NULL));
    for (guint i = 0; i < 6; i++) {
      damage_file (path, text, length, i / 2 * (length - 1) / 2, i % 2);
      assert_survives_damage (store, path);
      images_run (store->path, "rm -rf -- * .vmsnapfs* && cp -a '%s'/. .", copy);
    }
  }
  images_remove (g_steal_pointer (&copy));
}

/* Its bytes stay, although nobody can say any more whose they are. */
static void
the_image_of_a_damaged_record_is_kept (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  images_run (store->path, "truncate -s 100 " LAST_RECORD);
  guint images = count_files (store, ".vmsnapfs-*");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  assert_int_equal (count_files (store, "s-*.damaged"), 1);
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autofree char *id = create (backend, "web01", "new", NULL);
    assert_non_null (id);
  }
  assert_int_equal (count_files (store, ".vmsnapfs-*"), images + 1);
}

static void
assert_has_inside (const TemporaryDirectory *store)
{
  g_autoptr (Backend) backend = open_store (store, FALSE);
  g_autoptr (Domain) domain = backend_get_domain (backend, "web01", NULL);
  assert_non_null (domain_snapshot (domain, "i:vda:1:inside"));
}

/* The image that holds it has no name, and was only in the head. */
static void
what_only_a_lost_head_knew_is_kept (void **state)
{
  TemporaryDirectory *store = *state;
  make_image (store, "web01.qcow2");
  images_run (store->path, "qemu-img snapshot -c inside web01.qcow2");
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autofree char *first = create (backend, "web01", "first", NULL);
    assert_true (revert (backend, "web01", "i:vda:1:inside", NULL));
    g_autoptr (Job) job = job_new ("web01", "discard");
    assert_true (backend_discard (backend, "web01", first, DISCARD_ONE, job, NULL));
    job_finish (job, NULL);
  }
  assert_has_inside (store);
  images_run (store->path, "truncate -s 10 " RECORDS_GLOB "/head");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
  assert_has_inside (store);
  assert_clean (store);
}

/* Two snapshots may have one name when they are of different disks, or one of the domain. */
static void
snapshots_of_one_disk_are_in_order_beside_the_tree (void **state)
{
  TemporaryDirectory *store = *state;
  make_store_of_three (store);
  {
    g_autoptr (Backend) backend = open_store (store, FALSE);
    g_autofree char *id = create_of_disk (backend, "web01", "base", NULL);
    assert_non_null (id);
  }
  assert_clean (store);
  int fd = open_records (store);
  g_autoptr (Records) records = read_records (fd);
  const Record *disk = NULL;
  TableIter iter = { records->records };
  gpointer record;
  while (table_next (&iter, &record))
    if (((const Record *)record)->disk)
      disk = record;
  assert_non_null (disk);
  g_free (records->current);
  records->current = g_strdup (disk->uuid);
  assert_true (records_write_head (fd, records, "", NULL));
  close (fd);
  assert_finds (store, "^fault head: the current snapshot, .*, is not there");
  g_auto (Findings) findings = check_with (store, TRUE);
  assert_int_equal (findings.faults, 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (a_sound_store_is_clean_and_not_touched),
    temporary_test (a_directory_without_records_is_clean),
    temporary_test (a_store_that_is_mounted_is_busy),
    temporary_test (what_is_only_worth_a_note_is_no_fault),
    temporary_test (every_kind_of_damage_is_found_and_only_what_is_certain_repaired),
    temporary_test (an_interrupted_operation_is_completed),
    temporary_test (the_image_of_an_interrupted_folding_is_repaired),
    temporary_test (the_disk_of_an_interrupted_folding_is_repaired),
    temporary_test (a_parent_that_is_missing_becomes_none),
    temporary_test (a_circle_of_parents_is_cut),
    temporary_test (two_of_one_name_are_told_and_left),
    temporary_test (a_current_that_is_not_there_becomes_none),
    temporary_test (one_damaged_file_hides_only_itself_and_a_repair_opens_the_domain_again),
    temporary_test (the_image_of_a_damaged_record_is_kept),
    temporary_test (what_only_a_lost_head_knew_is_kept),
    temporary_test (snapshots_of_one_disk_are_in_order_beside_the_tree),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
