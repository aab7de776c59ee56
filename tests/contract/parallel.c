/* Several threads at a time, pictures that stay as they are, and news of changes. */
#include "contract.h"

#include "../../backend/threads.h"

#include <string.h>

#define THREADS 4
#define ATTEMPTS 4
#define PATIENCE 10000 /* milliseconds that news may take */

static void
an_old_picture_does_not_change (void **state)
{
  Contract *contract = *state;
  g_autoptr (Domain) empty = contract_look (contract);
  g_autofree char *base = contract_take (contract, "base");
  g_autoptr (Domain) one = contract_look (contract);
  GError *error = NULL;

  assert_true (contract_describe (contract, base, "ground", &error));
  assert_true (contract_discard (contract, base, &error));
  assert_int_equal (domain_snapshots (empty)->len, 0);
  assert_null (empty->current);
  assert_int_equal (domain_snapshots (one)->len, 1);
  assert_null (domain_snapshot (one, base)->description);
  assert_text (one->current, base);
}

typedef struct {
  Contract *contract;
  guint number;
  guint taken;
  gboolean wrong; /* an error that is none of those allowed */
} Taker;

static gboolean
is_allowed (const GError *error)
{
  return error->domain == BACKEND_ERROR &&
         (error->code == BACKEND_ERROR_BUSY || error->code == BACKEND_ERROR_NOT_CURRENT ||
          error->code == BACKEND_ERROR_EXISTS);
}

/* cmocka's assertions are for the main thread: this one only notes. */
static void *
take_several (void *data)
{
  Taker *taker = data;

  for (guint i = 0; i < ATTEMPTS; i++) {
    g_autofree char *name = g_strdup_printf ("s%u", (taker->number * ATTEMPTS + i) / 2);
    const CreateOptions options = { .name = name };
    g_autoptr (GError) error = NULL;
    g_autofree char *id = contract_create (taker->contract, &options, &error);

    if (id != NULL)
      taker->taken++;
    else if (!is_allowed (error))
      taker->wrong = TRUE;
  }
  return NULL;
}

typedef struct {
  Contract *contract;
  gint stop;      /* atomic */
  gboolean wrong; /* a picture went back in time or was not whole */
} Reader;

static gboolean
is_whole (const Domain *domain)
{
  const GPtrArray *snapshots = domain_snapshots (domain);

  for (guint i = 0; i < snapshots->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (snapshot->problem != NULL || domain_snapshot (domain, snapshot->id) != snapshot)
      return FALSE;
  }
  return snapshots->len == 0 || domain->current != NULL;
}

static void *
read_pictures (void *data)
{
  Reader *reader = data;
  guint seen = 0;

  while (!g_atomic_int_get (&reader->stop)) {
    Contract *contract = reader->contract;
    g_autoptr (Domain) domain = backend_get_domain (contract->backend, contract->domain, NULL);

    if (domain == NULL || domain_snapshots (domain)->len < seen || !is_whole (domain))
      reader->wrong = TRUE;
    else
      seen = domain_snapshots (domain)->len;
    g_usleep (200);
  }
  return NULL;
}

static guint
take_in_parallel (Contract *contract)
{
  Taker takers[THREADS];
  pthread_t threads[THREADS];
  guint taken = 0;

  for (guint i = 0; i < THREADS; i++) {
    takers[i] = (Taker){ .contract = contract, .number = i };
    threads[i] = thread_start ("taker", take_several, &takers[i]);
  }
  for (guint i = 0; i < THREADS; i++)
    thread_join (threads[i]);
  for (guint i = 0; i < THREADS; i++) {
    assert_false (takers[i].wrong);
    taken += takers[i].taken;
  }
  return taken;
}

static void
takers_in_parallel_make_one_chain (void **state)
{
  Contract *contract = *state;
  Reader reader = { .contract = contract };
  pthread_t thread = thread_start ("reader", read_pictures, &reader);
  guint taken = take_in_parallel (contract);
  g_autoptr (Domain) domain = NULL;

  g_atomic_int_set (&reader.stop, 1);
  thread_join (thread);
  assert_false (reader.wrong);
  assert_true (taken > 0);
  domain = contract_look (contract);
  assert_int_equal (domain_snapshots (domain)->len, taken);
  /* Each was taken under the one before, so there is one root, and the last one is current. */
  assert_int_equal (domain_children (domain, NULL)->len, 1);
  for (guint i = 0; i < taken; i++) {
    const Snapshot *snapshot = g_ptr_array_index (domain_snapshots (domain), i);

    assert_int_equal (domain_descendants (domain, snapshot), taken - 1 - i);
    assert_int_equal (g_str_equal (snapshot->id, domain->current), i == taken - 1);
  }
}

#define REVERTS 30

typedef struct {
  Contract *contract;
  const char *ids[2];
  gint refused; /* how often; atomic */
  gint done;    /* the same */
  gint over;    /* atomic */
  gboolean wrong;
} Reverter;

static void *
revert_to_and_fro (void *data)
{
  Reverter *reverter = data;

  for (guint done = 0; done < REVERTS && !reverter->wrong;) {
    g_autoptr (GError) error = NULL;

    if (contract_revert (reverter->contract, reverter->ids[done % 2], &error))
      g_atomic_int_set (&reverter->done, (gint)++done);
    else if (!is_allowed (error))
      reverter->wrong = TRUE;
    else
      g_atomic_int_inc (&reverter->refused);
  }
  g_atomic_int_set (&reverter->over, 1);
  return NULL;
}

/* A disk that is written over in its place is not while it is read, and it is read all the time: so
 * one revert that was refused since @refused is let through. */
static void
give_way (Reverter *reverter, gint refused)
{
  gint done = g_atomic_int_get (&reverter->done);

  while (g_atomic_int_get (&reverter->refused) != refused &&
         g_atomic_int_get (&reverter->done) == done && !g_atomic_int_get (&reverter->over))
    g_usleep (1000);
}

/* Between two looks that show the same picture, the disk is what that picture says. */
static void
the_live_disk_is_never_ahead_of_the_picture (void **state)
{
  Contract *contract = *state;
  g_autofree char *a = NULL;
  g_autofree char *b = NULL;
  guint64 hashes[2];
  guint ahead = 0;
  Reverter reverter;
  pthread_t thread;

  contract_grow (contract, "a(b*)");
  a = contract_id (contract, "a");
  b = contract_id (contract, "b");
  hashes[0] = contract_hash (contract, a);
  hashes[1] = contract_hash (contract, b);
  reverter = (Reverter){ .contract = contract, .ids = { a, b } };
  assert_true (contract_revert (contract, b, NULL));
  thread = thread_start ("reverter", revert_to_and_fro, &reverter);
  while (!g_atomic_int_get (&reverter.over)) {
    gint refused = g_atomic_int_get (&reverter.refused);
    g_autoptr (Domain) before = contract_look (contract);
    guint64 hash = contract_hash (contract, NULL);
    g_autoptr (Domain) after = contract_look (contract);

    if (before == after && hash != hashes[g_str_equal (before->current, b)])
      ahead++;
    give_way (&reverter, refused);
  }
  thread_join (thread);
  assert_false (reverter.wrong);
  assert_int_equal (ahead, 0);
}

typedef struct {
  const char *domain;
  Lock lock;
  Condition condition;
  gboolean told; /* protected by lock */
} News;

static void
on_change (const char *domain, gpointer data)
{
  News *news = data;
  autolock held = lock_hold (&news->lock);

  if (g_strcmp0 (domain, news->domain) == 0)
    news->told = TRUE;
  condition_signal_all (&news->condition);
}

static void
watchers_are_told (void **state)
{
  Contract *contract = *state;
  News news = { .domain = contract->domain, .lock = LOCK_INIT, .condition = CONDITION_INIT };
  GError *error = NULL;

  assert_true (backend_watch (contract->backend, on_change, &news, &error));
  g_free (contract_take (contract, "base"));
  {
    autolock held = lock_hold (&news.lock);

    while (!news.told && condition_wait_for (&news.condition, &held, PATIENCE))
      ;
    assert_true (news.told);
  }
  /* The last use of `news`: none comes after close. */
  contract_reopen (contract, NULL);
}

int
contract_parallel (void)
{
  static const ContractTest tests[] = {
    contract_test (an_old_picture_does_not_change),
    contract_test (takers_in_parallel_make_one_chain),
    contract_test (the_live_disk_is_never_ahead_of_the_picture),
    contract_test_where (watchers_are_told, WHERE_WATCHED),
  };

  return contract_ask ("parallel", tests);
}
