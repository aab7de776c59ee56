/* What can be asked of a backend, and what it says of itself. */
#include "contract.h"

#include "../../backend/xml.h"

#include <string.h>

static void
listing_names_the_domain (void **state)
{
  Contract *contract = *state;
  GError *error = NULL;
  g_auto (GStrv) names = backend_list_domains (contract->backend, &error);

  assert_no_error (error);
  assert_true (g_strv_contains ((const char *const *)names, contract->domain));
}

static void
a_picture_says_what_the_domain_is (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) domain = contract_look (contract);
  const Disk *disk;
  g_autoptr (DomainDescription) description = NULL;

  assert_text (domain->name, contract->domain);
  assert_true (g_uuid_string_is_valid (domain->uuid));
  assert_null (domain->current);
  assert_null (domain->problem);
  assert_int_equal (domain_snapshots (domain)->len, 0);
  assert_int_equal (domain->disks->len, 1);
  disk = g_ptr_array_index (domain->disks, 0);
  assert_true (disk->size > 0 || contract->kind->change_disk == NULL);
  assert_true (disk->target[0] != '\0');
  assert_true (domain->can & CAN_CREATE);
  description = domain_description_parse (domain->xml->data, domain->xml->length, NULL);
  assert_non_null (description);
  assert_text (description->name, contract->domain);
}

static void
peeking_never_shows_anything_else_than_getting (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) got = contract_look (contract);
  g_autoptr (Domain) peeked = backend_peek_domain (contract->backend, contract->domain);

  if (peeked != NULL)
    assert_text (peeked->uuid, got->uuid);
  assert_null (backend_peek_domain (contract->backend, "no such domain"));
}

static void
an_unknown_domain_is_not_found (void **state)
{
  Contract *contract = *state;
  GError *error = NULL;

  assert_null (backend_get_domain (contract->backend, "no such domain", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_null (backend_run_state (contract->backend, "no such domain", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
}

/* Who cannot do it at all need not look first. */
static BackendError
code_without (Contract *contract, BackendCan can)
{
  return contract_can (contract, can) ? BACKEND_ERROR_NOT_FOUND : BACKEND_ERROR_UNSUPPORTED;
}

static void
an_unknown_snapshot_is_not_found (void **state)
{
  Contract *contract = *state;
  g_autofree char *id = contract_take (contract, "base");
  GError *error = NULL;

  /* An id is not a name. */
  assert_false (contract_discard (contract, "base", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (contract_revert (contract, "", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (contract_describe (contract, "../head", "y", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (contract_rename (contract, "00000000-0000-4000-8000-000000000000", "y", &error));
  assert_error (&error, code_without (contract, CAN_RENAME));
  assert_false (contract_discard_as (contract, "base", DISCARD_DESCENDANTS, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  /* Whether it could be merged is asked of a snapshot that is there. */
  assert_false (contract_merge (contract, "base", MERGE_INTO_PARENT, TRUE, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (contract_hold (contract, "base", TRUE, &error));
  assert_error (&error, code_without (contract, CAN_HOLD));
  assert_false (contract_set_current (contract, "base", &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  contract_assert_count (contract, 1);
}

static void
a_machine_says_whether_it_runs (void **state)
{
  Contract *contract = *state;
  GError *error = NULL;
  g_autofree char *word = backend_run_state (contract->backend, contract->domain, &error);

  assert_no_error (error);
  assert_text (word, contract_state (contract));
}

static void
statistics_are_lines (void **state)
{
  Contract *contract = *state;
  g_autofree char *text = backend_stats (contract->backend);

  assert_true (g_regex_match_simple ("^([^:\n]+: [^\n]*\n)*$", text, G_REGEX_DOLLAR_ENDONLY, 0));
}

static void
a_snapshot_says_what_it_is (void **state)
{
  Contract *contract = *state;
  g_autofree char *base = contract_take (contract, "base");
  g_autofree char *updates = contract_take (contract, "updates & more");
  g_autoptr (Domain) domain = contract_look (contract);
  const Snapshot *snapshot = domain_snapshot (domain, updates);
  const Disk *now = g_ptr_array_index (domain->disks, 0);
  const Disk *then;
  xmlDoc *document = xml_parse (snapshot->xml->data, snapshot->xml->length, NULL);
  g_autofree char *name = xml_child_text (xmlDocGetRootElement (document), "name");
  g_autofree char *parent =
      xml_child_text (xml_child (xmlDocGetRootElement (document), "parent"), "name");

  xmlFreeDoc (document);
  assert_text (name, "updates & more");
  assert_text (parent, "base");
  assert_text (snapshot->state, contract_state (contract));
  assert_true (snapshot->metadata);
  assert_null (snapshot->problem);
  assert_true (snapshot->mark != NULL && snapshot->mark[0] != '\0');
  assert_int_equal (snapshot->disks->len, 1);
  then = g_ptr_array_index (snapshot->disks, 0);
  assert_text (then->target, now->target);
  assert_int_equal (then->size, now->size);
}

static void
times_are_those_of_the_clock (void **state)
{
  Contract *contract = *state;
  gint64 before = g_get_real_time () / G_USEC_PER_SEC;
  g_autofree char *id = contract_take (contract, "base");
  gint64 after = g_get_real_time () / G_USEC_PER_SEC;
  g_autoptr (Domain) domain = contract_look (contract);
  const Snapshot *snapshot = domain_snapshot (domain, id);

  assert_true (snapshot->created >= before && snapshot->created <= after);
  assert_true (snapshot->changed >= snapshot->created && snapshot->changed <= after + 1);
}

int
contract_reading (void)
{
  static const ContractTest tests[] = {
    contract_test (listing_names_the_domain),
    contract_test (a_picture_says_what_the_domain_is),
    contract_test (peeking_never_shows_anything_else_than_getting),
    contract_test (an_unknown_domain_is_not_found),
    contract_test (an_unknown_snapshot_is_not_found),
    contract_test (a_machine_says_whether_it_runs),
    contract_test (statistics_are_lines),
    contract_test (a_snapshot_says_what_it_is),
    contract_test (times_are_those_of_the_clock),
  };

  return contract_ask ("reading", tests);
}
