/* The guest agent's client: what it makes of agents that lie, hang, shout or never listen. */
#include "../../backend/local/agent.h"
#include "../../backend/local/json-socket.h"
#include "../testing.h"
#include "fake-agent.h"
#include <sys/stat.h>

#define LONG (20 * G_USEC_PER_SEC) /* which nothing reaches */
#define SHORT (200 * 1000)         /* which is waited for */

static gint64
in (gint64 microseconds)
{
  return g_get_monotonic_time () + microseconds;
}

static FakeAgent *
start (void **state, const FakeRule *rules)
{
  return fake_agent_start (((TemporaryDirectory *)*state)->path, rules);
}

static Agent *
get_in_step (const FakeAgent *fake)
{
  g_autoptr (GError) error = NULL;
  Agent *agent = agent_connect (fake->path, in (LONG), &error);
  assert_no_error (error);
  return agent;
}

/* -------------------------------------------------------------------- an honest one */

static void
assert_freezes_and_thaws (Agent *agent, FakeAgent *fake)
{
  g_autoptr (GError) error = NULL;
  gboolean frozen = TRUE;
  guint count = 0;
  assert_true (agent_is_frozen (agent, &frozen, in (LONG), &error));
  assert_false (frozen);
  assert_true (agent_freeze (agent, &count, in (LONG), &error));
  assert_int_equal (count, 1);
  assert_true (fake_agent_is_frozen (fake));
  assert_true (agent_is_frozen (agent, &frozen, in (LONG), &error));
  assert_true (frozen);
  assert_true (agent_thaw (agent, in (LONG), &error));
  assert_false (fake_agent_is_frozen (fake));
}

static void
it_freezes_and_thaws (void **state)
{
  g_autoptr (FakeAgent) fake = start (state, NULL);
  g_autoptr (Agent) agent = get_in_step (fake);
  assert_freezes_and_thaws (agent, fake);
}

static void
answers_may_come_byte_by_byte (void **state)
{
  const FakeRule rules[] = { { "guest", 5, DRIBBLE }, { NULL } };
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (Agent) agent = get_in_step (fake);
  assert_freezes_and_thaws (agent, fake);
}

/* -------------------------------------------------------------------- getting in step */

static void
what_earlier_clients_missed_is_thrown_away (void **state)
{
  const FakeRule rules[] = {
    { "sync", 1, SAY, FALSE,
      "{\"return\": 7}\n{\"error\": {}}\n\xff{\"return\": 12}\n{\"return\": "
      "\"thawed\"}\n\xffgarbage\n\xff" },
    { NULL },
  };
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (GError) error = NULL;
  assert_null (agent_connect (fake->path, in (SHORT), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  g_autoptr (Agent) agent = get_in_step (fake);
  assert_freezes_and_thaws (agent, fake);
}

static void
the_right_answer_may_stand_behind_others (void **state)
{
  const char *directory = ((TemporaryDirectory *)*state)->path;
  const FakeRule rules[] = { { "status", 1, SAY, FALSE, "{\"return\": \"frozen\"}\n" }, { NULL } };
  const char *chatter = "{\"return\": 5}\n\xff{\"return\": 6}\n\xff[\n";
  g_autoptr (FakeAgent) fake = fake_agent_start_with (directory, chatter, rules);
  g_autoptr (GError) error = NULL;
  g_autoptr (Agent) agent = get_in_step (fake);
  gboolean frozen = FALSE;
  assert_true (agent_is_frozen (agent, &frozen, in (LONG), &error));
  assert_true (frozen);
}

static void
assert_never_in_step (void **state, const FakeRule *rules)
{
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (GError) error = NULL;
  gint64 begun = g_get_monotonic_time ();
  assert_null (agent_connect (fake->path, in (SHORT), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_true (g_get_monotonic_time () - begun < LONG / 2);
  assert_int_equal (unlink (fake->path), 0);
}

static void
one_that_never_gets_in_step_is_given_up (void **state)
{
  const FakeRule silent[][2] = {
    { { "sync", 9, HANG }, { NULL } },
    { { "sync", 9, HANG_UP }, { NULL } },
    { { "sync", 9, ENDLESS, FALSE, "endless" }, { NULL } },
    { { "sync", 9, ENDLESS, FALSE, "\xff{\"return\": 1}\n" }, { NULL } },
    { { "sync", 9, ENDLESS, FALSE, "\xff[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n" }, { NULL } },
    { { "sync", 9, SAY, FALSE, "{\"return\": 1}\n" }, { NULL } },
    { { "sync", 9, SAY, FALSE, "\xff{\"return\": {\"id\": 1}}\n" }, { NULL } },
    { { "sync", 9, SAY, FALSE, "\xff\xff\xff\n\n\xff" }, { NULL } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (silent); i++)
    assert_never_in_step (state, silent[i]);
}

static void
a_second_client_waits_and_gives_up (void **state)
{
  g_autoptr (FakeAgent) fake = start (state, NULL);
  g_autoptr (Agent) first = get_in_step (fake);
  g_autoptr (GError) error = NULL;
  assert_null (agent_connect (fake->path, in (SHORT), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_freezes_and_thaws (first, fake);
}

/* -------------------------------------------------------------------- sockets */

static void
nobody_there_is_told_apart (void **state)
{
  const char *directory = ((TemporaryDirectory *)*state)->path;
  g_autofree char *path = g_build_filename (directory, "qga.sock", NULL);
  g_autofree char *file = g_build_filename (directory, "file", NULL);
  g_autofree char *link = g_build_filename (directory, "link", NULL);
  g_autoptr (GError) error = NULL;
  assert_null (agent_connect (path, in (LONG), &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  fake_agent_stop (start (state, NULL));
  assert_null (agent_connect (path, in (LONG), &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  images_write_text (directory, "file", "");
  assert_null (agent_connect (file, in (LONG), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_int_equal (symlink ("qga.sock", link), 0);
  assert_null (agent_connect (link, in (LONG), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
}

static void
a_path_may_be_longer_than_an_address (void **state)
{
  const char *directory = ((TemporaryDirectory *)*state)->path;
  g_autofree char *name = g_strnfill (200, 'd');
  g_autofree char *deep = g_build_filename (directory, name, NULL);
  g_autofree char *far = g_build_filename (deep, "qga.sock", NULL);
  g_autoptr (FakeAgent) fake = start (state, NULL);
  g_autoptr (GError) error = NULL;
  assert_int_equal (mkdir (deep, 0700), 0);
  assert_int_equal (rename (fake->path, far), 0);
  g_autoptr (Agent) agent = agent_connect (far, in (LONG), &error);
  assert_no_error (error);
  assert_freezes_and_thaws (agent, fake);
}

static void
a_full_queue_is_waited_for_and_given_up (void **state)
{
  g_autofree char *path = g_build_filename (((TemporaryDirectory *)*state)->path, "full", NULL);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autoptr (GError) error = NULL;
  int listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int first = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  snprintf (address.sun_path, sizeof address.sun_path, "%s", path);
  assert_int_equal (bind (listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal (listen (listener, 0), 0);
  assert_int_equal (connect (first, (struct sockaddr *)&address, sizeof address), 0);
  assert_null (json_socket_connect (path, 100, in (SHORT), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  close (first);
  close (listener);
}

/* -------------------------------------------------------------------- answers */

/* What a freeze comes to when it is answered with @text. */
static void
assert_freeze_answer (void **state, const char *text, BackendError code)
{
  const FakeRule rules[] = { { "freeze-freeze", 1, SAY, TRUE, text }, { NULL } };
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (Agent) agent = get_in_step (fake);
  g_autoptr (GError) error = NULL;
  guint count;
  assert_false (agent_freeze (agent, &count, in (SHORT), &error));
  assert_error (&error, code);
  assert_int_equal (unlink (fake->path), 0);
}

static void
answers_that_make_no_sense_are_none (void **state)
{
  const char *const answers[] = {
    "\n",
    "garbage\n",
    "no end",
    "[1]\n",
    "{}\n",
    "{\"return\": \"1\"}\n",
    "{\"return\": -1}\n",
    "{\"return\": 1.5}\n",
    "{\"return\": 1e300}\n",
    "{\"return\": 99999999999999999999}\n",
    "{\"return\": null}\n",
    "{\"return\": {}}\n",
    "{\"return\": 1, \"also\": \"\xc3\x28\"}\n",
    "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{"
    "\"a\":"
    "{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}}}}}}}}}}\n",
  };
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    assert_freeze_answer (state, answers[i], BACKEND_ERROR_UNREACHABLE);
}

static void
an_error_is_the_agents_own_sentence (void **state)
{
  assert_freeze_answer (state, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}\n",
                        BACKEND_ERROR_FAILED);
  assert_freeze_answer (state, "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\n",
                        BACKEND_ERROR_UNSUPPORTED);
  assert_freeze_answer (state, "{\"error\": \"so\"}\n", BACKEND_ERROR_FAILED);
  assert_freeze_answer (state, "{\"error\": {\"class\": 1, \"desc\": [2]}, \"return\": 1}\n",
                        BACKEND_ERROR_FAILED);
}

static void
a_sentence_of_the_agents_is_cut (void **state)
{
  g_autofree char *many = g_strnfill (3000, 'x');
  g_autofree char *text = g_strdup_printf ("{\"error\": {\"desc\": \"%s\"}}\n", many);
  const FakeRule rules[] = { { "thaw", 1, SAY, TRUE, text }, { NULL } };
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (Agent) agent = get_in_step (fake);
  g_autoptr (GError) error = NULL;
  assert_false (agent_thaw (agent, in (LONG), &error));
  assert_true (strlen (error->message) < 300);
}

static void
assert_no_freeze (void **state, const FakeRule *rules)
{
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (Agent) agent = get_in_step (fake);
  g_autoptr (GError) error = NULL;
  guint count;
  assert_false (agent_freeze (agent, &count, in (SHORT), &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_int_equal (unlink (fake->path), 0);
}

static void
a_freeze_that_nobody_answers_is_given_up (void **state)
{
  const FakeRule rules[][2] = {
    { { "freeze-freeze", 1, HANG, TRUE }, { NULL } },
    { { "freeze-freeze", 1, HANG_UP, TRUE }, { NULL } },
    { { "freeze-freeze", 1, ENDLESS, TRUE, "endless" }, { NULL } },
  };
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    assert_no_freeze (state, rules[i]);
}

static void
thawed_is_what_the_status_says (void **state)
{
  const FakeRule rules[] = {
    { "thaw", 1, SAY, FALSE, "{\"return\": 1}\n" },
    { NULL },
  };
  g_autoptr (FakeAgent) fake = start (state, rules);
  g_autoptr (Agent) agent = get_in_step (fake);
  g_autoptr (GError) error = NULL;
  guint count;
  assert_true (agent_freeze (agent, &count, in (LONG), &error));
  assert_false (agent_thaw (agent, in (LONG), &error));
  assert_error (&error, BACKEND_ERROR_FAILED);
  assert_true (agent_thaw (agent, in (LONG), &error));
  assert_false (fake_agent_is_frozen (fake));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    temporary_test (it_freezes_and_thaws),
    temporary_test (answers_may_come_byte_by_byte),
    temporary_test (what_earlier_clients_missed_is_thrown_away),
    temporary_test (the_right_answer_may_stand_behind_others),
    temporary_test (one_that_never_gets_in_step_is_given_up),
    temporary_test (a_second_client_waits_and_gives_up),
    temporary_test (nobody_there_is_told_apart),
    temporary_test (a_path_may_be_longer_than_an_address),
    temporary_test (a_full_queue_is_waited_for_and_given_up),
    temporary_test (answers_that_make_no_sense_are_none),
    temporary_test (an_error_is_the_agents_own_sentence),
    temporary_test (a_sentence_of_the_agents_is_cut),
    temporary_test (a_freeze_that_nobody_answers_is_given_up),
    temporary_test (thawed_is_what_the_status_says),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
