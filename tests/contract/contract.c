/* The fixture of the suite, and what its tests have in common. */
#include "contract.h"

#include "../../backend/job.h"

#include <string.h>

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

gboolean
contract_can (Contract *contract, BackendCan can)
{
  g_autoptr (Domain) domain = contract_look (contract);

  return (domain->can & can) == can;
}

const char *
contract_state (const Contract *contract)
{
  return contract->kind->state != NULL ? contract->kind->state : "shutoff";
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
  return contract_discard_as (contract, id, DISCARD_ONE, error);
}

gboolean
contract_discard_as (Contract *contract, const char *id, DiscardMode mode, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "discard");
  gboolean done = backend_discard (contract->backend, contract->domain, id, mode, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_merge (Contract *contract, const char *id, MergeInto into, gboolean force, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "merge");
  gboolean done = backend_merge (contract->backend, contract->domain, id, into, force, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_revert (Contract *contract, const char *id, GError **error)
{
  return contract_revert_as (contract, id, NULL, error);
}

gboolean
contract_revert_as (Contract *contract, const char *id, const RevertOptions *options,
                    GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "revert");
  gboolean done = backend_revert (contract->backend, contract->domain, id, options, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_set_current (Contract *contract, const char *id, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "current");
  gboolean done = backend_set_current (contract->backend, contract->domain, id, NULL, job, error);

  job_finish (job, NULL);
  return done;
}

gboolean
contract_hold (Contract *contract, const char *id, gboolean held, GError **error)
{
  g_autoptr (Job) job = job_new (contract->domain, "hold");
  gboolean done = backend_hold (contract->backend, contract->domain, id, held, job, error);

  job_finish (job, NULL);
  return done;
}

char *
contract_redefine (Contract *contract, const char *document, const RedefineOptions *options,
                   GError **error)
{
  g_autoptr (SnapshotDescription) description =
      snapshot_description_parse (document, strlen (document), error);
  g_autoptr (Job) job = job_new (contract->domain, "redefine");
  char *id = NULL;

  if (description != NULL)
    id = backend_redefine (contract->backend, contract->domain, description, options, job, error);
  job_finish (job, NULL);
  return id;
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
  contract_find_out ();
  return contract_reading () + contract_bytes () + contract_readers () + contract_changes () +
         contract_creating () + contract_discarding () + contract_merging () +
         contract_reverting () + contract_redefining () + contract_abilities () +
         contract_names () + contract_disk_snapshots () + contract_parallel () + contract_disks () +
         contract_reopening () + contract_count_wrongly_left_out (kind);
}
