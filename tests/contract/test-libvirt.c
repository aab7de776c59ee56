/* The contract on the libvirt backend, with libvirt's own test driver: no daemon and no disks, but
 * the whole of its snapshot code.  test:///default is one running machine; a file describes others,
 * which are shut off.  What it does with QEMU is in tests/libvirt. */
#include "contract.h"

#include <glib/gstdio.h>

/* One of the snapshots that are there already. */
#define OLD_DOMAIN                                                                                 \
  "<name>old</name><uuid>7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c12</uuid>"                              \
  "<memory>65536</memory><os><type>hvm</type></os>"
#define OLD_SNAPSHOT(name, more, time, current)                                                    \
  "<test:domainsnapshot><name>" name "</name>" more "<creationTime>" time                          \
  "</creationTime><state>shutoff</state><domain type='test'>" OLD_DOMAIN                           \
  "</domain><active>" current "</active></test:domainsnapshot>"
#define PARENT(name) "<parent><name>" name "</name></parent>"
#define OLD                                                                                        \
  "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>" OLD_DOMAIN        \
  "<test:runstate>5</test:runstate>" OLD_SNAPSHOT ("a", "", "1500000001", "0")                     \
      OLD_SNAPSHOT ("b", PARENT ("a") "<description>the second</description>", "1500000002", "0")  \
          OLD_SNAPSHOT ("c", PARENT ("b"), "1500000003", "1")                                      \
              OLD_SNAPSHOT ("d", PARENT ("a"), "1500000004", "0") "</domain>"

#define FILE_XML                                                                                   \
  "<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"             \
  "<name>web</name><uuid>7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11</uuid>"                              \
  "<memory>65536</memory><os><type>hvm</type></os><devices>"                                       \
  "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"                             \
  "<source file='/guest/web.qcow2'/><target dev='vda'/></disk></devices>"                          \
  "<test:runstate>5</test:runstate></domain>" OLD "</node>"

static gpointer
make_nothing (void)
{
  return NULL;
}

static void
clean_nothing (gpointer place)
{
}

static Backend *
open_default (gpointer place, const BackendOptions *options, GError **error)
{
  return backend_open ("test:///default", options, error);
}

static gpointer
make_file (void)
{
  char *file = NULL;
  int fd = g_file_open_tmp ("vmsnapfs-contract-XXXXXX.xml", &file, NULL);

  if (fd < 0 || !g_close (fd, NULL) || !g_file_set_contents (file, FILE_XML, -1, NULL))
    g_error ("cannot write a description of machines");
  return file;
}

static void
clean_file (gpointer place)
{
  g_unlink (place);
  g_free (place);
}

static Backend *
open_file (gpointer place, const BackendOptions *options, GError **error)
{
  g_autofree char *uri = g_strconcat ("test://", (const char *)place, NULL);

  return backend_open (uri, options, error);
}

int
main (void)
{
  static const ContractBackend running = {
    .domain = "test",
    .state = "running",
    .names_in_xml = TRUE,
    .lacks_flags = TRUE,
    .make = make_nothing,
    .open = open_default,
    .clean = clean_nothing,
  };
  static const ContractBackend shut_off = {
    .domain = "web",
    .names_in_xml = TRUE,
    .lacks_flags = TRUE,
    .make = make_file,
    .open = open_file,
    .clean = clean_file,
  };

  return contract_run (&running) + contract_run (&shut_off) + contract_preloaded ();
}
