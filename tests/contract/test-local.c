/* The contract on the local backend: a store in a temporary directory, with one image by itself
 * and one directory with a description and two disks. */
#include "contract.h"

#include "../../backend/xml.h"

#include <glib/gstdio.h>
#include <string.h>

#define PATIENCE (10 * G_USEC_PER_SEC)
#define DOMAIN_XML                                                                                 \
  "<domain type='qemu'><name>two</name><uuid>7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11</uuid>"          \
  "<memory unit='MiB'>64</memory><os><type>hvm</type></os><devices>"                               \
  "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"                             \
  "<source file='%s/two/root.qcow2'/><target dev='vda'/></disk>"                                   \
  "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"                             \
  "<source file='%s/two/data.qcow2'/><target dev='vdb'/></disk>"                                   \
  "</devices></domain>\n"

static gboolean
try_to_run (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_spawn_sync (NULL, (char **)argv, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  return error == NULL && status == 0;
}

static void
run (const char *const *argv)
{
  if (!try_to_run (argv))
    g_error ("%s failed", argv[0]);
}

static void
make_image (const char *store, const char *name)
{
  g_autofree char *file = g_build_filename (store, name, NULL);
  const char *const argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", file, "16M", NULL };

  run (argv);
}

static void
write_data (const char *store, const char *name)
{
  g_autofree char *file = g_build_filename (store, name, NULL);
  const char *const argv[] = {
    "qemu-io", "-f", "qcow2", "-c", "write -q -P 7 3M 300k", file, NULL
  };

  run (argv);
}

static gpointer
make (void)
{
  char *store = g_dir_make_tmp ("vmsnapfs-contract-XXXXXX", NULL);
  g_autofree char *two = g_build_filename (store, "two", NULL);
  g_autofree char *description = g_build_filename (two, "domain.xml", NULL);
  g_autofree char *xml = g_strdup_printf (DOMAIN_XML, store, store);

  make_image (store, "bare.qcow2");
  write_data (store, "bare.qcow2");
  g_mkdir (two, 0700);
  make_image (store, "two/root.qcow2");
  make_image (store, "two/data.qcow2");
  if (!g_file_set_contents (description, xml, -1, NULL))
    g_error ("cannot write %s", description);
  return store;
}

static Backend *
open_store (gpointer place, const BackendOptions *options, GError **error)
{
  return backend_open (place, options, error);
}

static void
clean (gpointer place)
{
  const char *const argv[] = { "rm", "-rf", "--", place, NULL };

  run (argv);
  g_free (place);
}

/* Where no image that make makes has data.  Tidying may have the image locked for a moment. */
static void
change_disk (Contract *contract, const Disk *disk, guchar byte)
{
  g_autofree char *file = xml_disk_source (disk->xml);
  g_autofree char *command = g_strdup_printf ("write -q -P %u 5M 64k", byte);
  const char *const argv[] = { "qemu-io", "-f", "qcow2", "-c", command, file, NULL };
  gint64 end = g_get_monotonic_time () + PATIENCE;

  while (!try_to_run (argv))
    if (g_get_monotonic_time () > end)
      g_error ("%s cannot be written", file);
}

int
main (void)
{
  static const ContractBackend local = { .domain = "bare",
                                         .several = "two",
                                         .keeps = TRUE,
                                         .make = make,
                                         .open = open_store,
                                         .clean = clean,
                                         .change_disk = change_disk };
  g_autofree char *qemu_img = g_find_program_in_path ("qemu-img");

  if (qemu_img == NULL) {
    print_message ("no qemu-img: nothing to test the local backend with\n");
    return 77; /* meson: skipped */
  }
  return contract_run (&local);
}
