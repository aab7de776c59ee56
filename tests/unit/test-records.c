/* Records: what is written is what is read, and what is damaged hides only itself. */
#include "../../backend/local/file-names.h"
#include "../../backend/local/method.h"
#include "../../backend/local/records.h"
#include "temporary.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DOMAIN "11111111-2222-4333-8444-555555555555"

static Record *
a_record (const char *name, const char *parent)
{
  Record *record = record_new ();
  RecordImage image = { .target = (char *)"vda",
                        .image = (char *)"aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
                        .directory = (char *)"db01",
                        .size = G_GUINT64_CONSTANT (1) << 40,
                        .method = &method_qemu };
  record->uuid = g_uuid_string_random ();
  record->name = g_strdup (name);
  record->parent = g_strdup (parent);
  record->state = g_strdup ("shutoff");
  record->description = g_strdup ("tab\tnewline\n\"quoted\" ü");
  record->created = 1270477159;
  record->changed = 1270477160;
  g_ptr_array_add (record->images, record_image_copy (&image));
  return record;
}

static void
write_whole_domain (int fd, Record *record)
{
  g_autoptr (Records) records = records_new (DOMAIN, "web01");
  records->current = g_strdup (record->uuid);
  assert_true (records_write_snapshot (fd, record, "", NULL));
  assert_true (records_write_head (fd, records, "", NULL));
}

static void
what_is_written_is_what_is_read (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) written = a_record ("odd\x01 \xe9 100%41/ü", NULL);
  write_whole_domain (directory->fd, written);
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  assert_non_null (records);
  assert_null (records->problem);
  assert_string_equal (records->current, written->uuid);
  const Record *read = records_find (records, written->uuid);
  assert_non_null (read);
  assert_string_equal (read->name, written->name);
  assert_string_equal (read->description, written->description);
  assert_null (read->parent);
  assert_null (read->domain_xml);
  assert_int_equal (read->created, written->created);
  const RecordImage *image = g_ptr_array_index (read->images, 0);
  assert_true (image->size == G_GUINT64_CONSTANT (1) << 40);
  assert_string_equal (image->directory, "db01");
}

static void
how_disks_are_snapshotted_is_kept (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  RecordImage *image = g_ptr_array_index (record->images, 0);
  g_autoptr (Records) written = records_new (DOMAIN, "web01");
  image->raw = TRUE;
  image->method = &method_btrfs;
  records_set_method (written, "vda", "btrfs");
  records_set_method (written, "vdb", "a word of a later version");
  g_autoptr (Records) copy = records_copy (written);
  assert_true (records_write_snapshot (directory->fd, record, "", NULL));
  assert_true (records_write_head (directory->fd, copy, "", NULL));
  g_autoptr (Records) read = records_read (directory->fd, DOMAIN, "web01", NULL);
  assert_string_equal (records_method (read, "vda"), "btrfs");
  assert_string_equal (records_method (read, "vdb"), "a word of a later version");
  assert_null (records_method (read, "vdc"));
  const Record *one = records_find (read, record->uuid);
  const RecordImage *frozen = g_ptr_array_index (one->images, 0);
  g_autofree char *file = record_image_file (frozen);
  assert_true (frozen->raw);
  assert_ptr_equal (frozen->method, &method_btrfs);
  assert_string_equal (file, ".vmsnapfs-aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee.raw");
}

/* Nothing can be said of such an image: not even what its file is called. */
static void
an_image_that_a_later_version_froze_hides_its_record (void **state)
{
  static const Method later = { .name = "lvm" };
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  ((RecordImage *)g_ptr_array_index (record->images, 0))->method = &later;
  write_whole_domain (directory->fd, record);
  g_autoptr (Records) read = records_read (directory->fd, DOMAIN, "web01", NULL);
  assert_non_null (((const Record *)records_find (read, record->uuid))->problem);
}

static void
an_empty_directory_is_no_error (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  assert_null (records->problem);
  assert_int_equal (table_size (records->records), 0);
}

static void
flip_byte (int fd, const char *file, off_t offset)
{
  int opened = openat (fd, file, O_RDWR);
  char byte;
  assert_int_equal (pread (opened, &byte, 1, offset), 1);
  byte ^= 1;
  assert_int_equal (pwrite (opened, &byte, 1, offset), 1);
  close (opened);
}

static void
every_flipped_byte_is_seen_and_hides_only_that_record (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) first = a_record ("base", NULL);
  g_autoptr (Record) second = a_record ("updates", first->uuid);
  g_autofree char *file = records_file (first->uuid);
  struct stat status;
  write_whole_domain (directory->fd, second);
  assert_true (records_write_snapshot (directory->fd, first, "", NULL));
  assert_int_equal (fstatat (directory->fd, file, &status, 0), 0);
  for (off_t offset = 0; offset < status.st_size; offset++) {
    flip_byte (directory->fd, file, offset);
    g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
    const Record *damaged = records_find (records, first->uuid);
    const Record *whole = records_find (records, second->uuid);
    assert_non_null (damaged->problem);
    assert_null (whole->problem);
    assert_string_equal (whole->parent, first->uuid);
    flip_byte (directory->fd, file, offset);
  }
}

static void
a_truncated_record_is_seen (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  g_autofree char *file = records_file (record->uuid);
  write_whole_domain (directory->fd, record);
  int opened = openat (directory->fd, file, O_RDWR);
  assert_int_equal (ftruncate (opened, 100), 0);
  close (opened);
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  const Record *damaged = records_find (records, record->uuid);
  assert_non_null (damaged->problem);
}

static void
a_record_that_would_be_too_large_to_read_is_not_written (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  g_autoptr (GError) error = NULL;
  g_free (record->description);
  record->description = g_strnfill (5 * 1024 * 1024, 'x');
  assert_false (records_write_snapshot (directory->fd, record, PREPARED_SUFFIX, &error));
  assert_true (g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_TEXT_TOO_BIG));
}

static void
records_without_a_head_are_a_problem_of_the_domain (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  assert_true (records_write_snapshot (directory->fd, record, "", NULL));
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  assert_non_null (records->problem);
}

static void
prepared_records_do_not_count (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  assert_true (records_write_snapshot (directory->fd, record, PREPARED_SUFFIX, NULL));
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  assert_int_equal (table_size (records->records), 0);
}

static Record *
a_record_of_a_disk (const char *name, const char *target)
{
  Record *record = a_record (name, NULL);
  record->disk = g_strdup (target);
  record->after = g_strdup ("the one that was current");
  return record;
}

static void
one_of_a_single_disk_is_that_when_it_is_read (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) made = a_record_of_a_disk ("nightly", "vda");
  g_autoptr (Record) written = record_copy (made);
  write_whole_domain (directory->fd, written);
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  const Record *read = records_find (records, written->uuid);
  assert_null (read->problem);
  assert_string_equal (read->disk, "vda");
  assert_string_equal (read->after, "the one that was current");
}

/* It would show it as a snapshot of the whole domain; a file of a version that it does not know it
 * takes for damaged. */
static void
one_of_a_single_disk_is_not_for_older_programs (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) usual = a_record ("base", NULL), disk = a_record_of_a_disk ("nightly", "vda");
  const Record *const both[] = { usual, disk };
  static const char *const begins[] = { "vmsnapfs 1 ", "vmsnapfs 2 " };
  for (guint i = 0; i < G_N_ELEMENTS (both); i++) {
    g_autofree char *file = records_file (both[i]->uuid);
    g_autofree char *path = g_build_filename (directory->path, file, NULL);
    g_autofree char *text = NULL;
    assert_true (records_write_snapshot (directory->fd, both[i], "", NULL));
    assert_true (g_file_get_contents (path, &text, NULL, NULL));
    assert_true (g_str_has_prefix (text, begins[i]));
  }
}

static void
one_of_a_single_disk_that_has_another_or_a_parent_contradicts_itself (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) other = a_record_of_a_disk ("other", "vdb");
  g_autoptr (Record) child = a_record_of_a_disk ("child", "vda");
  g_autoptr (Record) empty = a_record_of_a_disk ("empty", "vda");
  Record *const all[] = { other, child, empty };
  child->parent = g_strdup (other->uuid);
  g_ptr_array_set_size (empty->images, 0);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    write_whole_domain (directory->fd, all[i]);
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (all); i++)
    assert_non_null (((const Record *)records_find (records, all[i]->uuid))->problem);
}

static void
what_may_be_of_a_later_version_is_said_to_be_that (void **state)
{
  TemporaryDirectory *directory = *state;
  g_autoptr (Record) record = a_record ("base", NULL);
  g_autofree char *file = records_file (record->uuid);
  write_whole_domain (directory->fd, record);
  int opened = openat (directory->fd, file, O_WRONLY);
  assert_int_equal (pwrite (opened, "9", 1, strlen ("vmsnapfs ")), 1);
  close (opened);
  g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
  const Record *read = records_find (records, record->uuid);
  assert_non_null (strstr (read->problem, "later version"));
}

/* A directory of this name would stand where the disk vda has a file. */
static void
one_of_a_single_disk_is_of_one_that_a_machine_can_have (void **state)
{
  TemporaryDirectory *directory = *state;
  static const char *const targets[] = { "", "vda.raw", "a/b", ".." };
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++) {
    g_autoptr (Record) record = a_record_of_a_disk ("strange", targets[i]);
    RecordImage *image = g_ptr_array_index (record->images, 0);
    g_free (image->target);
    image->target = g_strdup (targets[i]);
    write_whole_domain (directory->fd, record);
    g_autoptr (Records) records = records_read (directory->fd, DOMAIN, "web01", NULL);
    assert_non_null (((const Record *)records_find (records, record->uuid))->problem);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (what_is_written_is_what_is_read),
    temporary_test (how_disks_are_snapshotted_is_kept),
    temporary_test (an_image_that_a_later_version_froze_hides_its_record),
    temporary_test (an_empty_directory_is_no_error),
    temporary_test (every_flipped_byte_is_seen_and_hides_only_that_record),
    temporary_test (a_truncated_record_is_seen),
    temporary_test (a_record_that_would_be_too_large_to_read_is_not_written),
    temporary_test (records_without_a_head_are_a_problem_of_the_domain),
    temporary_test (prepared_records_do_not_count),
    temporary_test (one_of_a_single_disk_is_that_when_it_is_read),
    temporary_test (one_of_a_single_disk_is_not_for_older_programs),
    temporary_test (one_of_a_single_disk_that_has_another_or_a_parent_contradicts_itself),
    temporary_test (one_of_a_single_disk_is_of_one_that_a_machine_can_have),
    temporary_test (what_may_be_of_a_later_version_is_said_to_be_that),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
