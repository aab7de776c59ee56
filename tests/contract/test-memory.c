/* The contract on the memory backend. */
#include "contract.h"

#include "../../backend/memory/memory.h"

static gpointer
make (void)
{
  return NULL;
}

static Backend *
open_empty (gpointer place, const BackendOptions *options, GError **error)
{
  return backend_open ("memory:?chain=0&pair=0", options, error);
}

static void
clean (gpointer place)
{
}

static void
change_disk (Contract *contract, const Disk *disk, guchar byte)
{
  GError *error = NULL;

  assert_true (memory_write_disk (contract->backend, contract->domain, disk->target, byte, &error));
  assert_no_error (error);
}

int
main (void)
{
  static const ContractBackend memory = {
    .domain = "chain",
    .several = "pair",
    .make = make,
    .open = open_empty,
    .clean = clean,
    .change_disk = change_disk,
  };

  return contract_run (&memory) + contract_scripts ();
}
