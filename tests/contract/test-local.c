/* The contract on the local backend: a store in a temporary directory ($TMPDIR), with a domain that
 * has one disk and one that has two.
 *
 *   test-contract-local [qemu|raw|clones|exec|lvm|thin|zfs|zvol [PATTERN]...]
 *
 * qemu is a bare image and two more, snapshotted by overlays, in memory where that is possible. raw
 * and clones are snapshotted by clones, on a file system that has them (tests/on-reflinks): raw
 * disks, and qcow2 images that are said to be.  exec is raw disks that $HOOK
 * (tools/hook/plain-copies) has copies of, in a directory beside the store.
 *
 * lvm and thin are logical volumes in a group of the test's own, whose directory is
 * $CONTRACT_VOLUMES (/dev/vg0): every volume with the tag vmsnapfs in it is removed.  The thin ones
 * are in its pool $CONTRACT_POOL ("pool").  tests/on-fake-lvm makes such a group of scripts, and
 * tests/guest/on-lvm one for real.
 *
 * zfs is files that ZFS snapshots, with $TMPDIR in a dataset.  zvol is volumes in a pool of the
 * test's own, whose directory is $CONTRACT_VOLUMES (/dev/zvol/tank): tests/guest/on-zfs.
 *
 * With patterns, only those tests are asked that one of them matches. */
#include "contract.h"

#include "../../backend/xml.h"
#include "../fake-volumes.h"
#include "command.h"
#include "volumes.h"

#include <glib/gstdio.h>
#include <unistd.h>

#define PATIENCE (10 * G_USEC_PER_SEC)
#define DOMAIN_XML                                                                                 \
  "<domain type='qemu'><name>%s</name><uuid>%s</uuid>"                                             \
  "<memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>%s</devices></domain>\n"
#define DISK_XML                                                                                   \
  "<disk type='%s' device='disk'><driver name='qemu' type='%s'/>"                                  \
  "<source %s='%s'/><target dev='%s'/>%s</disk>"

typedef struct {
  const char *name;
  const char *format;
  const char *element; /* in each <disk>, of those that are described */
  gboolean bare;       /* the domain with one disk is an image by itself */
  gboolean volumes;    /* the disks are block devices */
} Kind;

static const Kind kinds[] = {
  { "qemu", "qcow2", "", TRUE, FALSE },
  { "raw", "raw", "", FALSE, FALSE },
  { "clones", "qcow2", "<diskSnapshot method='reflink'/>", FALSE, FALSE },
  { "exec", "raw", "<diskSnapshot method='exec'/>", FALSE, FALSE },
  { "lvm", "raw", "", FALSE, TRUE },
  { "thin", "raw", "", FALSE, TRUE },
  { "zfs", "raw", "<diskSnapshot method='zfs'/>", FALSE, FALSE },
  { "zvol", "raw", "", FALSE, TRUE },
};

static const Kind *kind = &kinds[0];

/* ---- a place */

static char *
disk_path (const char *directory, const char *name)
{
  return kind->volumes ? volume_path (directory, name) : g_build_filename (directory, name, NULL);
}

static void
make_image (const char *directory, const char *name)
{
  g_autofree char *file = g_build_filename (directory, name, NULL);
  const char *const argv[] = { "qemu-img", "create", "-q", "-f", kind->format, file, "16M", NULL };

  if (kind->volumes)
    volume_make (kind->name, directory, name);
  else
    command_run (argv);
}

static void
write_data (const char *directory, const char *name)
{
  g_autofree char *file = disk_path (directory, name);
  const char *const argv[] = { "qemu-io", "-f", kind->format, "-c", "write -q -P 7 3M 300k",
                               file,      NULL };

  command_run (argv);
}

/* With the files of @files, as vda, vdb, … */
static void
describe (const char *directory, const char *name, const char *uuid, const char *const *files)
{
  g_autofree char *description = g_build_filename (directory, "domain.xml", NULL);
  g_autoptr (GString) disks = g_string_new (NULL);
  g_autofree char *xml = NULL;

  for (guint i = 0; files[i] != NULL; i++) {
    g_autofree char *target = g_strdup_printf ("vd%c", 'a' + (int)i);
    g_autofree char *path = disk_path (directory, files[i]);

    g_string_append_printf (disks, DISK_XML, kind->volumes ? "block" : "file", kind->format,
                            kind->volumes ? "dev" : "file", path, target, kind->element);
  }
  xml = g_strdup_printf (DOMAIN_XML, name, uuid, disks->str);
  if (!g_file_set_contents (description, xml, -1, NULL))
    g_error ("cannot write %s", description);
}

static void
make_one (const char *store)
{
  static const char *const files[] = { "root.img", NULL };
  g_autofree char *directory = g_build_filename (store, "bare", NULL);

  g_mkdir (directory, 0700);
  make_image (directory, files[0]);
  write_data (directory, files[0]);
  describe (directory, "bare", "0c1c4f0e-8f53-4d3b-8d4e-0a5f6f0f3b11", files);
}

static void
make_two (const char *store)
{
  static const char *const files[] = { "root.img", "data.img", NULL };
  g_autofree char *directory = g_build_filename (store, "two", NULL);

  g_mkdir (directory, 0700);
  make_image (directory, files[0]);
  make_image (directory, files[1]);
  describe (directory, "two", "7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11", files);
}

static char *
beside (const char *store, const char *what)
{
  return g_strconcat (store, ".", what, NULL);
}

/* The example, with the directory that it is to be used with. */
static void
make_hook (const char *store)
{
  g_autofree char *copies = beside (store, "copies"), *hook = beside (store, "hook");
  g_autofree char *edit = g_strdup_printf ("s,^directory=.*,directory=%s,", copies);
  const char *const copy[] = { "cp", g_getenv ("HOOK"), hook, NULL };
  const char *const change[] = { "sed", "-i", edit, hook, NULL };

  g_mkdir (copies, 0700);
  command_run (copy);
  command_run (change);
}

static gpointer
make (void)
{
  char *store = g_dir_make_tmp ("vmsnapfs-contract-XXXXXX", NULL);

  if (kind->bare) {
    make_image (store, "bare.qcow2");
    write_data (store, "bare.qcow2");
  } else
    make_one (store);
  make_two (store);
  if (g_str_equal (kind->name, "exec"))
    make_hook (store);
  return store;
}

static Backend *
open_store (gpointer place, const BackendOptions *options, GError **error)
{
  g_autofree char *copies = beside (place, "copies"), *hook = beside (place, "hook");
  gboolean with_hook = g_str_equal (kind->name, "exec");
  const char *const allow[] = { with_hook ? copies : g_getenv ("CONTRACT_VOLUMES"), NULL };
  BackendOptions more = options ? *options : (BackendOptions){ 0 };

  if (!with_hook && !kind->volumes)
    return backend_open (place, options, error);
  more.allow = allow;
  more.hook = with_hook ? hook : NULL;
  return backend_open (place, &more, error);
}

static void
clean (gpointer place)
{
  g_autofree char *copies = beside (place, "copies"), *hook = beside (place, "hook");
  const char *const argv[] = { "rm", "-rf", "--", place, copies, hook, NULL };

  if (kind->volumes)
    volumes_remove (kind->name, place);
  command_run (argv);
  g_free (place);
}

/* Where no image that make makes has data.  Tidying may have the image locked for a moment. */
static void
change_disk (Contract *contract, const Disk *disk, guchar byte)
{
  g_autofree char *file = xml_disk_source (disk->xml);
  g_autofree char *command = g_strdup_printf ("write -q -P %u 5M 64k", byte);
  const char *const argv[] = { "qemu-io", "-f", kind->format, "-c", command, file, NULL };
  gint64 end = g_get_monotonic_time () + PATIENCE;

  while (!command_succeeds (argv))
    if (g_get_monotonic_time () > end)
      g_error ("%s cannot be written", file);
}

/* ---- where and which one */

/* Clones need the file system that $TMPDIR is on. */
static void
work_in_memory (void)
{
  if (kind->bare && g_access ("/dev/shm", W_OK) == 0)
    g_setenv ("TMPDIR", "/dev/shm", TRUE);
}

static gboolean
choose (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (g_str_equal (kinds[i].name, name)) {
      kind = &kinds[i];
      return TRUE;
    }
  return FALSE;
}

int
main (int argc, char **argv)
{
  ContractBackend local = { .domain = "bare",
                            .several = "two",
                            .keeps = TRUE,
                            .make = make,
                            .open = open_store,
                            .clean = clean,
                            .change_disk = change_disk,
                            .patterns = argc > 2 ? (const char *const *)argv + 2 : NULL };
  g_autofree char *qemu_img = g_find_program_in_path ("qemu-img");

  if (argc > 1 && !choose (argv[1])) {
    print_error ("usage: %s [qemu|raw|clones|exec|lvm|thin|zfs|zvol [PATTERN]...]\n", argv[0]);
    return 2;
  }
  if (kind->volumes && g_getenv ("CONTRACT_VOLUMES") == NULL) {
    print_error ("CONTRACT_VOLUMES does not name the directory of volumes\n");
    return 2;
  }
  use_fake_lvm ();
  if (qemu_img == NULL) {
    print_message ("no qemu-img: nothing to test the local backend with\n");
    return 77; /* meson: skipped */
  }
  work_in_memory ();
  local.solid = kind->volumes;
  local.has_all = kind == &kinds[0]; /* clones are not compressed */
  return contract_run (&local);
}
