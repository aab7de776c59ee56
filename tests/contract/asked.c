/* Which tests are asked of the backend under test: those that need no more than it has.  What it
 * has is looked at once.  The others are named, and one backend must have all: so no test is asked
 * nowhere. */
#include "contract.h"

static BackendCan can;
static ContractWhere where;
static const char *const *patterns;
static guint left_out;

static ContractWhere
where_of (const Contract *contract)
{
  const ContractBackend *kind = contract->kind;

  return (kind->change_disk != NULL ? WHERE_READABLE : 0) |
         (kind->several != NULL ? WHERE_SEVERAL : 0) | (kind->keeps ? WHERE_KEPT : 0) |
         (kind->solid ? 0 : WHERE_HOLES) |
         (backend_can_watch (contract->backend) ? WHERE_WATCHED : 0) |
         ((can & CAN_LIVE) == 0 ? WHERE_OFF : 0);
}

void
contract_find_out (void)
{
  void *state = NULL;

  if (contract_setup (&state) != 0)
    g_error ("there is nothing to test");
  {
    g_autoptr (Domain) domain = contract_look (state);

    can = domain->can;
  }
  where = where_of (state);
  patterns = ((Contract *)state)->kind->patterns;
  left_out = 0;
  contract_teardown (&state);
}

static gboolean
has_all_for (const ContractTest *test)
{
  return (test->can & ~can) == 0 && (test->where & ~where) == 0;
}

static gboolean
is_wanted (const ContractTest *test)
{
  for (gsize i = 0; patterns != NULL && patterns[i] != NULL; i++)
    if (g_pattern_match_simple (patterns[i], test->test.name))
      return TRUE;
  return patterns == NULL;
}

static void
leave_out (const ContractTest *test)
{
  g_autofree char *words = backend_can_words (test->can & ~can);

  left_out++;
  print_message ("# not asked of this backend: %s%s%s\n", test->test.name,
                 words[0] != '\0' ? ", which needs " : "", words);
}

int
contract_ask_some (const char *name, const ContractTest *tests, gsize count)
{
  g_autofree struct CMUnitTest *asked = g_new0 (struct CMUnitTest, count);
  gsize number = 0;

  for (gsize i = 0; i < count; i++)
    if (!is_wanted (&tests[i]))
      continue;
    else if (has_all_for (&tests[i]))
      asked[number++] = tests[i].test;
    else
      leave_out (&tests[i]);
  return number > 0 ? _cmocka_run_group_tests (name, asked, number, NULL, NULL) : 0;
}

int
contract_count_wrongly_left_out (const ContractBackend *kind)
{
  if (!kind->has_all || left_out == 0)
    return 0;
  print_error ("not asked of a backend that should have all: %u tests\n", left_out);
  return (int)left_out;
}
