/* The picture of a domain: records, images and what is inside them. */
#include "../../backend/local/internal.h"
#include "../../backend/local/moved.h"
#include "../../backend/local/picture.h"
#include "../../backend/snapshot-description.h"
#include "../../backend/xml.h"
#include "place.h"
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MANY 500

/* method.h knows another Store. */
extern const struct Method method_qemu;

static LocalDomain *
scanned (const Store *store, const char *name)
{
  g_autoptr (GPtrArray) domains = scan_store (store->places, NULL);
  for (guint i = 0; i < domains->len; i++) {
    LocalDomain *domain = g_ptr_array_index (domains, i);
    if (g_str_equal (domain->name, name))
      return local_domain_ref (domain);
  }
  fail_msg ("no domain %s", name);
  return NULL;
}

/* @before: the one that was made last; NULL: none. */
static Domain *
picture (const Store *store, const char *name, const Records *records, Domain *before)
{
  static Table *shown;
  LocalDomain *found = scanned (store, name);
  Domain *domain =
      picture_build (store->places, found, records, before, before ? shown : NULL, NULL);
  g_clear_pointer (&shown, table_free);
  shown = records ? table_copy (records->records) : NULL;
  local_domain_unref (found);
  return domain;
}

/* A record with an image of vda; @make: the image is there too. */
static char *
add_record (const Store *store, Records *records, const char *name, const char *parent,
            gboolean make)
{
  Record *record = record_new ();
  RecordImage *image = g_new0 (RecordImage, 1);
  record->uuid = g_uuid_string_random ();
  record->name = g_strdup (name);
  record->parent = g_strdup (parent);
  record->state = g_strdup ("shutoff");
  record->created = record->changed = 1000 + table_size (records->records);
  image->target = g_strdup ("vda");
  image->image = g_uuid_string_random ();
  image->directory = g_strdup (".");
  image->method = &method_qemu;
  image->size = 1024 * 1024;
  g_ptr_array_add (record->images, image);
  if (make) {
    g_autofree char *file = record_image_file (image);
    images_run (store->directory, "qemu-img create -q -f qcow2 %s 1M", file);
  }
  records_put (records, record);
  char *uuid = g_strdup (record->uuid);
  record_unref (record);
  return uuid;
}

static Records *
some_records (const Store *store)
{
  images_run (store->directory, "qemu-img create -q -f qcow2 web.qcow2 3M");
  return records_new ("b1c2d3e4-0000-4000-8000-000000000001", "web");
}

static void
a_bare_image_has_a_picture (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 web.qcow2 3M");
  g_autoptr (Domain) domain = picture (store, "web", NULL, NULL);
  assert_null (domain->problem);
  assert_int_equal (domain->disks->len, 1);
  const Disk *disk = g_ptr_array_index (domain->disks, 0);
  assert_string_equal (disk->target, "vda");
  assert_int_equal (disk->size, 3 * 1024 * 1024);
  assert_int_equal (domain_snapshots (domain)->len, 0);
  assert_true (domain->can & CAN_CREATE);
}

static void
records_become_a_tree (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *base = add_record (store, records, "base", NULL, TRUE);
  g_autofree char *updates = add_record (store, records, "updates", base, TRUE);
  records->current = g_strdup (updates);
  g_autoptr (Domain) domain = picture (store, "web", records, NULL);
  assert_null (domain->problem);
  assert_string_equal (domain->current, updates);
  const GPtrArray *roots = domain_children (domain, NULL);
  assert_int_equal (roots->len, 1);
  const Snapshot *snapshot = domain_snapshot (domain, updates);
  assert_string_equal (snapshot->parent, base);
  assert_null (snapshot->problem);
  assert_true (snapshot->external && snapshot->metadata);
  assert_int_equal (strlen (snapshot->mark), 8);
  assert_non_null (strstr (snapshot->xml->data, "<name>updates</name>"));
  assert_non_null (strstr (snapshot->xml->data, "<name>base</name>"));
  assert_non_null (strstr (snapshot->xml->data, "web.qcow2\"/>"));
  const Disk *disk = g_ptr_array_index (snapshot->disks, 0);
  assert_int_equal (disk->size, 1024 * 1024);
  assert_non_null (strstr (disk->xml->data, "/.vmsnapfs-"));
}

/* Another name would be a lie, in the documents of its children as well. */
static void
a_name_that_xml_cannot_carry_has_no_document (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *bell = add_record (store, records,
                                      "be\a"
                                      "ll",
                                      NULL, TRUE);
  g_autofree char *child = add_record (store, records, "child", bell, TRUE);
  g_autoptr (Domain) domain = picture (store, "web", records, NULL);
  assert_null (domain->problem);
  assert_null (domain_snapshot (domain, bell)->xml);
  assert_null (domain_snapshot (domain, child)->xml);
}

/* libvirt takes no others.  What was recorded stays as it is. */
static void
the_document_has_absolute_disks (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "mkdir vm && echo '<domain><name>x</name></domain>' > "
                                "vm/domain.xml");
  g_autoptr (Records) records = records_new ("b1c2d3e4-0000-4000-8000-000000000001", "vm");
  g_autofree char *base = add_record (store, records, "base", NULL, TRUE);
  g_autofree char *vda = xml_disk ("vda", "qcow2", "./a.qcow2");
  g_autofree char *vdb = xml_disk ("vdb", "qcow2", "/b.qcow2");
  g_autofree char *disks = g_strconcat (vda, vdb, NULL);
  Record *record = record_copy (records_find (records, base));
  record->domain_xml = xml_domain ("vm", records->uuid, disks);
  records_put (records, record);
  g_autoptr (Domain) domain = picture (store, "vm", records, NULL);
  const Snapshot *snapshot = domain_snapshot (domain, base);
  g_autofree char *absolute =
      g_strdup_printf ("file=\"%s/vm/a.qcow2\"", places_store_path (store->places));
  assert_string_equal (snapshot->domain_xml->data, record->domain_xml);
  record_unref (record);
  assert_non_null (strstr (snapshot->xml->data, absolute));
  assert_non_null (strstr (snapshot->xml->data, "file=\"/b.qcow2\""));
  g_autoptr (GError) error = NULL;
  if (!snapshot_description_validate (snapshot->xml->data, snapshot->xml->length, &error))
    assert_int_equal (error->code, BACKEND_ERROR_UNSUPPORTED); /* not installed */
}

static void
what_did_not_change_is_shared (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *base = add_record (store, records, "base", NULL, TRUE);
  g_autofree char *child = add_record (store, records, "child", base, TRUE);
  g_autofree char *other = add_record (store, records, "other", NULL, TRUE);
  g_autoptr (Domain) before = picture (store, "web", records, NULL);
  Record *renamed = record_copy (records_find (records, base));
  g_free (renamed->name);
  renamed->name = g_strdup ("ground");
  renamed->changed++;
  records_put (records, renamed);
  record_unref (renamed);
  g_autoptr (Domain) after = picture (store, "web", records, before);
  assert_ptr_not_equal (domain_snapshot (before, base), domain_snapshot (after, base));
  assert_ptr_not_equal (domain_snapshot (before, child), domain_snapshot (after, child));
  assert_ptr_equal (domain_snapshot (before, other), domain_snapshot (after, other));
  assert_non_null (strstr (domain_snapshot (after, child)->xml->data, "<name>ground</name>"));
}

static void
damage_is_shown (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *base = add_record (store, records, "base", NULL, TRUE);
  g_autofree char *child = add_record (store, records, "child", base, FALSE);
  Record *damaged = record_new ();
  damaged->uuid = g_strdup (base);
  damaged->name = g_strdup (base);
  damaged->problem = g_strdup ("it is cut off");
  records_put (records, damaged);
  record_unref (damaged);
  g_autoptr (Domain) domain = picture (store, "web", records, NULL);
  assert_non_null (strstr (domain->problem, base));
  assert_string_equal (domain_snapshot (domain, base)->problem, "it is cut off");
  assert_string_equal (domain_snapshot (domain, base)->name, base);
  const GPtrArray *children = domain_children (domain, base);
  assert_int_equal (children->len, 1);
  assert_non_null (strstr (domain_snapshot (domain, child)->problem, "No such file"));
  g_autoptr (Domain) again = picture (store, "web", records, domain);
  assert_ptr_equal (domain_snapshot (domain, child), domain_snapshot (again, child));
}

static void
bad_active_images_are_problems (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "echo no image > a.qcow2 && "
                                "qemu-img create -q -f qcow2 -o data_file=d.raw b.qcow2 1M && "
                                "qemu-img create -q -f qcow2 c.qcow2 1M && printf '\\001' | "
                                "dd of=c.qcow2 bs=1 seek=35 conv=notrunc status=none");
  static const char *const names[] = { "a", "b", "c" };
  static const char *const parts[] = { "not a qcow2 image", "external data file", "encrypted" };
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (Domain) domain = picture (store, names[i], NULL, NULL);
    assert_non_null (domain->problem);
    assert_non_null (strstr (domain->problem, parts[i]));
  }
}

static void
raw_disks_are_noted (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "mkdir vm && truncate -s 12345 vm/a.img && "
                                "echo '<domain><name>x</name><devices><disk type=\"file\" "
                                "device=\"disk\"><driver type=\"raw\"/><source file=\"a.img\"/>"
                                "<target dev=\"vda\"/></disk></devices></domain>' > vm/domain.xml");
  g_autoptr (Domain) domain = picture (store, "vm", NULL, NULL);
  assert_null (domain->problem);
  assert_non_null (g_strstr_len (g_ptr_array_index (domain->notes, 0), -1, "methods: vda "));
  const Disk *disk = g_ptr_array_index (domain->disks, 0);
  assert_int_equal (disk->size, 12800); /* whole sectors, as a guest sees it */
  assert_string_equal (disk->method, "btrfs");
  assert_false (domain->can & CAN_COMPRESS);
}

static void
snapshots_inside_images_are_roots (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *uuid = add_record (store, records, "base", NULL, TRUE);
  const Record *record = records_find (records, uuid);
  const RecordImage *image = g_ptr_array_index (record->images, 0);
  g_autofree char *file = record_image_file (image);
  images_run (store->directory,
              "qemu-img snapshot -c same %s && qemu-img snapshot -c same web.qcow2 && "
              "qemu-img snapshot -c '' web.qcow2",
              file);
  g_autoptr (Domain) domain = picture (store, "web", records, NULL);
  assert_int_equal (domain_children (domain, NULL)->len, 4);
  assert_string_equal (domain_named (domain, "base", 0)->id, uuid);
  const Snapshot *snapshot = domain_named (domain, "same", 0);
  const char *first_id = snapshot->id;
  assert_true (g_str_has_prefix (snapshot->id, "i:vda:1:same@")); /* two are alike */
  assert_string_equal (snapshot->mark, "1");
  assert_string_equal (snapshot->state, "shutoff");
  assert_false (snapshot->external || snapshot->metadata);
  assert_true (snapshot->can & CAN_REVERT);
  assert_non_null (snapshot->xml);
  assert_true (g_str_has_prefix (domain_named (domain, "same", 1)->id, "i:vda:1:same@"));
  assert_non_null (domain_snapshot (domain, "i:vda:2:"));
  g_autoptr (Domain) again = picture (store, "web", records, domain);
  assert_ptr_equal (domain_snapshot (again, "i:vda:2:"), domain_snapshot (domain, "i:vda:2:"));

  LocalDomain *found = scanned (store, "web");
  g_autofree char *where = NULL, *number = NULL, *other = NULL, *other_number = NULL;
  const LocalDisk *disk = local_domain_disk (found, "vda");
  assert_true (internal_is_id ("i:vda:1:same"));
  guint64 size = 0;
  assert_true (internal_locate (store->places, found, disk, records, first_id, &where, &number,
                                &size, NULL));
  assert_int_equal (size, 1024 * 1024);
  assert_string_equal (where, file);
  assert_string_equal (number, "1");
  assert_true (internal_locate (store->places, found, disk, records, "i:vda:2:", &other,
                                &other_number, &size, NULL));
  assert_string_equal (other, "web.qcow2");
  assert_false (internal_locate (store->places, found, disk, records, "i:vda:3:x", &where, &number,
                                 &size, NULL));
  local_domain_unref (found);
}

/* What cannot be reverted to is refused on every disk, whether it is shown or not. */
static void
not_located (const Store *store, const char *name, const char *id)
{
  g_autoptr (Domain) domain = picture (store, name, NULL, NULL);
  const Snapshot *snapshot = domain_snapshot (domain, id);
  LocalDomain *found = scanned (store, name);
  assert_false (snapshot && (snapshot->can & CAN_REVERT));
  for (guint i = 0; i < found->disks->len; i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *file = NULL, *number = NULL;
    guint64 size;
    assert_false (internal_locate (store->places, found, g_ptr_array_index (found->disks, i), NULL,
                                   id, &file, &number, &size, &error));
    assert_int_equal (error->code, snapshot ? BACKEND_ERROR_UNSUPPORTED : BACKEND_ERROR_NOT_FOUND);
  }
  local_domain_unref (found);
}

static void
a_tag_on_every_disk_is_one_snapshot (void **state)
{
  const Store *store = *state;
  images_run (store->directory,
              "mkdir vm && cd vm && qemu-img create -q -f qcow2 a.qcow2 1M && "
              "qemu-img create -q -f qcow2 b.qcow2 2M && qemu-img snapshot -c only b.qcow2 && "
              "qemu-img snapshot -c both a.qcow2 && qemu-img snapshot -c both b.qcow2 && "
              "qemu-img snapshot -c twice a.qcow2 && qemu-img snapshot -c twice a.qcow2 && "
              "qemu-img snapshot -c twice b.qcow2 && "
              "echo '<domain><name>x</name><devices>"
              "<disk type=\"file\" device=\"disk\"><driver type=\"qcow2\"/>"
              "<source file=\"a.qcow2\"/><target dev=\"vda\"/></disk>"
              "<disk type=\"file\" device=\"disk\"><driver type=\"qcow2\"/>"
              "<source file=\"b.qcow2\"/><target dev=\"vdb\"/></disk>"
              "</devices></domain>' > domain.xml");
  g_autoptr (Domain) domain = picture (store, "vm", NULL, NULL);
  assert_int_equal (domain_snapshots (domain)->len, 5);
  const Snapshot *both = domain_snapshot (domain, "i:vda:1:both");
  assert_int_equal (both->disks->len, 2);
  assert_true (both->can & CAN_REVERT);
  assert_false (domain_snapshot (domain, "i:vdb:1:only")->can & CAN_REVERT);
  assert_int_equal (domain_snapshot (domain, "i:vda:2:twice")->disks->len, 1);

  LocalDomain *found = scanned (store, "vm");
  g_autoptr (Records) records = records_new (found->uuid, "vm");
  g_autofree char *file = NULL, *number = NULL;
  const LocalDisk *disk = local_domain_disk (found, "vdb");
  guint64 size = 0;
  assert_true (
      internal_locate (store->places, found, disk, records, both->id, &file, &number, &size, NULL));
  assert_string_equal (file, "b.qcow2");
  assert_string_equal (number, "2");
  assert_int_equal (size, 2 * 1024 * 1024);
  local_domain_unref (found);
  not_located (store, "vm", "i:vda:2:twice");
  not_located (store, "vm", "i:vda:3:twice");
  not_located (store, "vm", "i:vdb:3:twice");
  not_located (store, "vm", "i:vdb:1:only");
}

/* Writes another ID over that of the snapshot which has the tag @tag. */
static void
change_number (const Store *store, const char *tag, char number)
{
  g_autofree char *path = g_build_filename (store->directory, "web.qcow2", NULL);
  g_autofree char *bytes = NULL;
  gsize length;
  assert_true (g_file_get_contents (path, &bytes, &length, NULL));
  char *at = memmem (bytes, length, tag, strlen (tag));
  assert_non_null (at);
  at[-1] = number;
  images_write (store->directory, "web.qcow2", bytes, length);
}

static void
numbers_that_say_nothing_are_not_reverted_to (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 web.qcow2 1M && "
                                "for i in one two three four; do "
                                "qemu-img snapshot -c tag-$i web.qcow2; done");
  change_number (store, "tag-two", '1');
  change_number (store, "tag-three", 'x');
  g_autoptr (Domain) domain = picture (store, "web", NULL, NULL);
  assert_int_equal (domain_snapshots (domain)->len, 4);
  not_located (store, "web", "i:vda:1:tag-one");
  not_located (store, "web", "i:vda:1:tag-two");
  not_located (store, "web", "i:vda:x:tag-three");
  assert_true (domain_snapshot (domain, "i:vda:4:tag-four")->can & CAN_REVERT);
}

static void
an_image_that_changed_its_size_knows_the_old_one (void **state)
{
  const Store *store = *state;
  g_autofree char *file = NULL, *number = NULL;
  guint64 size = 0;
  images_run (store->directory,
              "qemu-img create -q -f qcow2 web.qcow2 1M && qemu-img snapshot -c s web.qcow2 && "
              "qemu-img resize -q web.qcow2 3M && qemu-img snapshot -c large web.qcow2");
  LocalDomain *found = scanned (store, "web");
  assert_true (internal_locate (store->places, found, local_domain_disk (found, "vda"), NULL,
                                "i:vda:1:s", &file, &number, &size, NULL));
  assert_int_equal (size, 1024 * 1024);
  local_domain_unref (found);
  images_run (store->directory, "qemu-img resize -q --shrink web.qcow2 2M");
  not_located (store, "web", "i:vda:2:large");
}

static void
what_could_not_be_read_for_a_moment_is_read_again (void **state)
{
  const Store *store = *state;
  struct rlimit before, few;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *base = add_record (store, records, "base", NULL, TRUE);
  images_run (store->directory, "qemu-img snapshot -c inside .vmsnapfs-*.qcow2");
  LocalDomain *found = scanned (store, "web");
  getrlimit (RLIMIT_NOFILE, &before);
  few = (struct rlimit){ 0, before.rlim_max };
  setrlimit (RLIMIT_NOFILE, &few);
  Domain *domain = picture_build (store->places, found, records, NULL, NULL, NULL);
  setrlimit (RLIMIT_NOFILE, &before);
  assert_non_null (domain->problem);
  assert_non_null (domain_snapshot (domain, base)->problem);
  assert_int_equal (domain_snapshots (domain)->len, 1);
  g_autoptr (Domain) again =
      picture_build (store->places, found, records, domain, records->records, NULL);
  assert_null (again->problem);
  assert_null (domain_snapshot (again, base)->problem);
  assert_int_equal (domain_snapshots (again)->len, 2);
  domain_unref (domain);
  local_domain_unref (found);
}

/* What did not change is the same snapshot in the next picture, however many there are. */
static void
many_are_kept_as_they_are (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *parent = NULL;
  for (guint i = 0; i < MANY; i++) {
    g_autofree char *name = g_strdup_printf ("s%u", i);
    char *uuid = add_record (store, records, name, parent, FALSE);
    if (i % 10 == 0) {
      g_free (parent);
      parent = g_strdup (uuid);
    }
    g_free (uuid);
  }
  g_autoptr (Domain) domain = picture (store, "web", records, NULL);
  g_autoptr (LocalDomain) found = scanned (store, "web");
  g_autoptr (Domain) next =
      picture_build (store->places, found, records, domain, records->records, NULL);
  const GPtrArray *snapshots = domain_snapshots (domain);
  assert_true (snapshots->len >= MANY);
  assert_int_equal (domain_snapshots (next)->len, snapshots->len);
  for (guint i = 0; i < snapshots->len; i++)
    assert_ptr_equal (g_ptr_array_index (domain_snapshots (next), i),
                      g_ptr_array_index (snapshots, i));
}

static void
a_writer_means_running (void **state)
{
  const Store *store = *state;
  images_run (store->directory, "qemu-img create -q -f qcow2 web.qcow2 3M");
  LocalDomain *found = scanned (store, "web");
  g_autofree char *off = picture_run_state (store->places, found, NULL);
  assert_string_equal (off, "shutoff");
  /* The locks of a QEMU that writes, on another open file description. */
  g_autofree char *path = g_build_filename (store->directory, "web.qcow2", NULL);
  struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  int fd = open (path, O_RDWR | O_CLOEXEC);
  assert_int_equal (fcntl (fd, F_OFD_SETLK, &lock), 0);
  g_autofree char *on = picture_run_state (store->places, found, NULL);
  assert_string_equal (on, "running");
  close (fd);
  local_domain_unref (found);
}

static void
records_that_cannot_be_listed_are_an_error (void **state)
{
  const Store *store = *state;
  g_autoptr (GError) error = NULL;
  images_run (store->directory, "qemu-img create -q -f qcow2 web.qcow2 3M");
  LocalDomain *found = scanned (store, "web");
  assert_null (moved_records_read (store->places, -1, found, &error));
  assert_non_null (error);
  local_domain_unref (found);
}

/* Whose image has no name any more comes after those that have one. */
static void
snapshots_inside_images_keep_their_order (void **state)
{
  const Store *store = *state;
  g_autoptr (Records) records = some_records (store);
  g_autofree char *old = add_record (store, records, "old", NULL, TRUE);
  g_autofree char *new = add_record (store, records, "new", NULL, TRUE);
  const char *uuids[] = { old, new };
  for (guint i = 0; i < 2; i++) {
    const Record *record = records_find (records, uuids[i]);
    g_autofree char *file = record_image_file (g_ptr_array_index (record->images, 0));
    images_run (store->directory, "chmod u+w %s && qemu-img snapshot -c %s %s", file, record->name,
                file);
  }
  g_autoptr (Domain) before = picture (store, "web", records, NULL);
  g_autoptr (Records) later = records_copy (records);
  g_ptr_array_add (later->unnamed,
                   record_image_copy (g_ptr_array_index (records_find (records, old)->images, 0)));
  records_remove (later, old);
  g_autoptr (Domain) followed = picture (store, "web", later, before);
  g_autoptr (Domain) fresh = picture (store, "web", later, NULL);
  const GPtrArray *roots = domain_children (followed, NULL);
  const GPtrArray *expected = domain_children (fresh, NULL);
  assert_int_equal (domain_count (before), 4);
  assert_int_equal (roots->len, 3);
  assert_int_equal (expected->len, 3);
  for (guint i = 0; i < 3; i++)
    assert_string_equal (((const Snapshot *)g_ptr_array_index (roots, i))->id,
                         ((const Snapshot *)g_ptr_array_index (expected, i))->id);
}

#define store_test(function) cmocka_unit_test_setup_teardown (function, make_store, remove_store)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    store_test (a_bare_image_has_a_picture),
    store_test (records_become_a_tree),
    store_test (a_name_that_xml_cannot_carry_has_no_document),
    store_test (the_document_has_absolute_disks),
    store_test (what_did_not_change_is_shared),
    store_test (damage_is_shown),
    store_test (bad_active_images_are_problems),
    store_test (raw_disks_are_noted),
    store_test (snapshots_inside_images_are_roots),
    store_test (a_tag_on_every_disk_is_one_snapshot),
    store_test (numbers_that_say_nothing_are_not_reverted_to),
    store_test (an_image_that_changed_its_size_knows_the_old_one),
    store_test (what_could_not_be_read_for_a_moment_is_read_again),
    store_test (many_are_kept_as_they_are),
    store_test (records_that_cannot_be_listed_are_an_error),
    store_test (snapshots_inside_images_keep_their_order),
    store_test (a_writer_means_running),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
