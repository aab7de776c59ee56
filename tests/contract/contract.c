/* The fixture of the suite, and what its tests have in common. */
#include "contract.h"

#include "../../backend/job.h"

static const ContractBackend *tested;

int
contract_setup (void **state)
{
  g_autoptr (GError) error = NULL;
  Contract *contract = g_new0 (Contract, 1);

  contract->kind = tested;
  contract->domain = tested->domain;
  contract->place = tested->make ();
  *state = contract;
  contract->backend = tested->open (contract->place, NULL, &error);
  if (contract->backend != NULL)
    return 0;
  print_error ("open: %s\n", error->message);
  return -1;
}

int
contract_teardown (void **state)
{
  Contract *contract = *state;

  backend_close (contract->backend);
  contract->kind->clean (contract->place);
  g_free (contract);
  return 0;
}

void
contract_reopen (Contract *contract, const BackendOptions *options)
{
  g_autoptr (GError) error = NULL;

  backend_close (contract->backend);
  contract->backend = contract->kind->open (contract->place, options, &error);
  assert_no_error (error);
}

char *
contract_create (Contract *contract, const CreateOptions *options, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "create");
  char *id = backend_create (contract->backend, contract->domain, options, job, error);

  job_finish (job, NULL);
  return id;
}

gboolean
contract_discard (Contract *contract, const char *id, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "discard");
  gboolean done =
      backend_discard (contract->backend, contract->domain, id, DISCARD_ONE, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_revert (Contract *contract, const char *id, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "revert");
  gboolean done = backend_revert (contract->backend, contract->domain, id, NULL, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_describe (Contract *contract, const char *id, const char *text, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "describe");
  gboolean done = backend_describe (contract->backend, contract->domain, id, text, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_rename (Contract *contract, const char *id, const char *name, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "rename");
  gboolean done = backend_rename (contract->backend, contract->domain, id, name, job, error);

  job_finish (job, NULL);
  return done;
}

char *
contract_take (Contract *contract, const char *name)
{
  const CreateOptions options = { .name = name };
  GError *error = NULL;
  char *id = contract_create (contract, &options, &error);

  assert_no_error (error);
  assert_non_null (id);
  return id;
}

Domain *
contract_look (Contract *contract)
{
  GError *error = NULL;
  Domain *domain = backend_get_domain (contract->backend, contract->domain, &error);

  assert_no_error (error);
  return domain;
}

void
contract_assert_current (Contract *contract, const char *id)
{
  g_autoptr (Domain) domain = contract_look (contract);

  assert_text (domain->current, id);
}

void
contract_assert_parent (Contract *contract, const char *id, const char *parent)
{
  g_autoptr (Domain) domain = contract_look (contract);
  const Snapshot *snapshot = domain_snapshot (domain, id);

  assert_non_null (snapshot);
  assert_text (snapshot->parent, parent);
}

void
contract_assert_count (Contract *contract, guint count)
{
  g_autoptr (Domain) domain = contract_look (contract);

  assert_int_equal (domain_snapshots (domain)->len, count);
}

int
contract_run (const ContractBackend *kind)
{
  tested = kind;
  return contract_reading () + contract_bytes () + contract_changes () + contract_names () +
         contract_parallel () + (kind->several != NULL ? contract_disks () : 0) +
         (kind->keeps ? contract_reopening () : 0);
}
