/* Walking a backing chain before QEMU does.
 *
 * An image names its backing file, and QEMU follows that name wherever it leads: /etc/shadow as
 * raw bytes, an address on the network, a loop.  So each command of ours that opens a whole chain
 * is preceded by opening it here, where all that is refused. */
#include "chain.h"
#include "opener.h"

gboolean
chain_check (const Places *places, const char *directory, const char *file, GError **error)
{
  ImageOpener opener = opener_for_checking (places);
  g_autofree char *path = places_absolute (directory, file);
  g_autoptr (DiskReader) reader = image_reader_open (&opener, path, IMAGE_QCOW2, NULL, error);
  return reader != NULL;
}
