/* A conversation with a QEMU, and with what only says that it is one. */
#include "../../backend/local/qmp.h"
#include "fake-qmp.h"
#include "images.h"

#define DEADLINE 300   /* milliseconds, for what hangs */
#define PATIENCE 20000 /* for what does not */
#define BEGINNING FAKE_GREETING, FAKE_HEAR, FAKE_NOTHING

static char *scratch;

static char *
socket_path (void)
{
  return g_build_filename (scratch, "qmp.sock", NULL);
}

static Qmp *
connect_to (const char *path, guint deadline, GError **error)
{
  int socket = open (path, O_PATH | O_CLOEXEC);
  assert_true (socket >= 0);
  Qmp *qmp = qmp_connect (socket, deadline, error);
  close (socket);
  return qmp;
}

/* What a client that asks query-status gets from this script: an error with @code, or none. */
static void
asked_it_gives (const char *const *script, gsize piece, guint deadline, BackendError code,
                const char *sentence)
{
  g_autofree char *path = socket_path ();
  Fake *fake = fake_start (path, script, piece);
  g_autoptr (GError) error = NULL;
  Qmp *qmp = connect_to (path, deadline, &error);
  g_autoptr (JsonNode) answer =
      qmp ? qmp_execute (qmp, "query-status", NULL, deadline, &error) : NULL;
  g_clear_pointer (&qmp, qmp_free);
  g_autofree char *heard = fake_stop (fake);
  if (!sentence) {
    assert_no_error (error);
    assert_string_equal (qmp_string (json_node_get_object (answer), "status"), "running");
    return;
  }
  assert_null (answer);
  assert_string_equal (error->message, sentence);
  assert_error (&error, code);
}

#define STATUS "{\"return\": {\"status\": \"running\", \"running\": true}}\r\n"

static void
a_command_is_answered (void **state)
{
  const char *const script[] = { BEGINNING, FAKE_HEAR, STATUS, NULL };
  asked_it_gives (script, 1000, PATIENCE, 0, NULL);
}

static void
an_answer_may_come_byte_by_byte (void **state)
{
  const char *const script[] = { BEGINNING, FAKE_HEAR, STATUS, NULL };
  asked_it_gives (script, 1, PATIENCE, 0, NULL);
}

static void
events_come_in_between (void **state)
{
  const char *const script[] = {
    FAKE_GREETING, "{\"event\": \"RESUME\"}\n",
    FAKE_HEAR,     "{\"event\": \"STOP\", \"data\": {}}\n" FAKE_NOTHING,
    FAKE_HEAR,     "{\"event\": \"STOP\"}\n{\"event\": \"RESUME\"}\n" STATUS,
    NULL
  };
  asked_it_gives (script, 1000, PATIENCE, 0, NULL);
}

static void
a_long_answer_is_an_answer (void **state)
{
  g_autofree char *padding = g_strnfill (3 * 1024 * 1024, 'x');
  g_autofree char *answer =
      g_strdup_printf ("{\"return\": {\"padding\": \"%s\", \"status\": \"running\"}}\n", padding);
  const char *const script[] = { BEGINNING, FAKE_HEAR, answer, NULL };
  asked_it_gives (script, 100000, PATIENCE, 0, NULL);
}

static void
its_refusal_is_one (void **state)
{
  const char *const script[] = {
    BEGINNING, FAKE_HEAR, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\\nway\"}}\n",
    NULL
  };
  asked_it_gives (script, 1000, PATIENCE, BACKEND_ERROR_FAILED,
                  "QEMU refuses query-status: no way");
}

static void
who_hangs_is_not_waited_for (void **state)
{
  static const char *const scripts[][6] = {
    { FAKE_HANG, NULL },
    { FAKE_GREETING, FAKE_HANG, NULL },
    { "{\"QMP\": {\"versi", FAKE_HANG, NULL },
    { BEGINNING, FAKE_HANG, NULL },
    { BEGINNING, FAKE_HEAR, "{\"return\"", NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (scripts) - 1; i++)
    asked_it_gives (scripts[i], 1000, DEADLINE, BACKEND_ERROR_UNREACHABLE,
                    "the machine's QMP socket does not answer in time");
}

static void
who_goes_is_gone (void **state)
{
  static const char *const scripts[][6] = {
    { NULL },
    { FAKE_GREETING, NULL },
    { BEGINNING, FAKE_HEAR, NULL },
    { BEGINNING, FAKE_HEAR, "{\"return\": {}", NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    asked_it_gives (scripts[i], 1000, PATIENCE, BACKEND_ERROR_UNREACHABLE,
                    "the machine's QMP socket was closed by the machine");
}

static void
what_is_not_qmp_is_not_listened_to (void **state)
{
  g_autofree char *brackets = g_strnfill (500000, '[');
  g_autofree char *deep = g_strconcat ("{\"return\": ", brackets, "\n", NULL);
  const char *const scripts[][6] = {
    { "SSH-2.0-OpenSSH_9.2\r\n", FAKE_HANG, NULL },
    { "[]\n", FAKE_HANG, NULL },
    { "{}\n", FAKE_HANG, NULL },
    { "\n", FAKE_HANG, NULL },
    { "\xff\xfe{}\n", FAKE_HANG, NULL },
    { "{\"QMP\": []}\n", FAKE_HANG, NULL },
    { "{\"QMP\": {\"version\": {\"qemu\": 7}}}\n", FAKE_HANG, NULL },
    { FAKE_GREETING, FAKE_HEAR, "{\"returns\": {}}\n", FAKE_HANG, NULL },
    { FAKE_GREETING, FAKE_HEAR, deep, FAKE_HANG, NULL },
  };
  for (gsize i = 0; i < G_N_ELEMENTS (scripts); i++)
    asked_it_gives (scripts[i], 1000, PATIENCE, BACKEND_ERROR_UNREACHABLE,
                    "the machine's QMP socket says what is not QMP");
}

/* An answer that comes late must not be taken for that of the next command. */
static void
after_one_lost_answer_nothing_is_asked (void **state)
{
  const char *const script[] = { BEGINNING, FAKE_HEAR, FAKE_HANG, NULL };
  g_autofree char *path = socket_path ();
  Fake *fake = fake_start (path, script, 1000);
  g_autoptr (GError) error = NULL;
  Qmp *qmp = connect_to (path, DEADLINE, &error);
  assert_no_error (error);
  assert_false (qmp_do (qmp, "stop", NULL, DEADLINE, &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_false (qmp_do (qmp, "cont", NULL, DEADLINE, &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  qmp_free (qmp);
  g_autofree char *heard = fake_stop (fake);
  assert_null (strstr (heard, "cont"));
}

static void
arguments_are_sent (void **state)
{
  const char *const script[] = { BEGINNING, FAKE_HEAR, FAKE_NOTHING, NULL };
  g_autofree char *path = socket_path ();
  Fake *fake = fake_start (path, script, 1000);
  g_autoptr (GError) error = NULL;
  Qmp *qmp = connect_to (path, PATIENCE, &error);
  JsonObject *arguments = json_object_new ();
  json_object_set_string_member (arguments, "node-name", "a \"name\"");
  assert_true (qmp_do (qmp, "blockdev-del", arguments, PATIENCE, &error));
  assert_true (qmp_is_at_least (qmp, 6, 1));
  assert_true (qmp_is_at_least (qmp, 7, 2));
  assert_false (qmp_is_at_least (qmp, 7, 3));
  assert_false (qmp_is_at_least (qmp, 8, 0));
  assert_int_equal (qmp_peer (qmp), getpid ());
  qmp_free (qmp);
  g_autofree char *heard = fake_stop (fake);
  assert_string_equal (heard, "{\"execute\":\"qmp_capabilities\"}\n"
                              "{\"execute\":\"blockdev-del\",\"arguments\":"
                              "{\"node-name\":\"a \\\"name\\\"\"}}\n");
}

static void
a_socket_that_nobody_has_is_unreachable (void **state)
{
  const char *const script[] = { NULL };
  g_autofree char *path = socket_path ();
  g_autofree char *left = g_strconcat (path, ".left", NULL);
  g_autoptr (GError) error = NULL;
  Fake *fake = fake_start (path, script, 1000);
  assert_int_equal (link (path, left), 0);
  assert_null (connect_to (path, PATIENCE, &error));
  g_clear_error (&error);
  g_free (fake_stop (fake));
  assert_null (connect_to (left, PATIENCE, &error));
  assert_string_equal (error->message, "the machine's QMP socket has nobody behind it");
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  unlink (left);
}

/* Who asked for a machine's state stands in the queue until QEMU has seen him off. */
static void
room_in_the_queue_is_waited_for (void **state)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  g_autofree char *path = socket_path ();
  g_autoptr (GError) error = NULL;
  int waiting[16], count = 0;
  int listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  strcpy (address.sun_path, path);
  assert_int_equal (bind (listening, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal (listen (listening, 1), 0);
  do
    waiting[count] = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  while (connect (waiting[count++], (struct sockaddr *)&address, sizeof address) == 0);
  gint64 begin = g_get_monotonic_time ();
  assert_null (connect_to (path, DEADLINE, &error));
  assert_true (g_get_monotonic_time () - begin >= DEADLINE * 1000);
  assert_string_equal (error->message, "the machine's QMP socket is in use by others");
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  while (count > 0)
    close (waiting[--count]);
  close (listening);
  unlink (path);
}

static void
members_of_another_type_are_absent (void **state)
{
  g_autoptr (JsonNode) node =
      json_from_string ("{\"text\": \"a\", \"number\": 1, \"null\": null, \"list\": [1, {}],"
                        " \"object\": {}, \"yes\": true}",
                        NULL);
  JsonObject *object = json_node_get_object (node);
  const char *const members[] = { "number", "null", "list", "object", "yes", "none" };
  for (gsize i = 0; i < G_N_ELEMENTS (members); i++) {
    assert_null (qmp_string (object, members[i]));
    assert_true (qmp_flag (object, members[i]) == g_str_equal (members[i], "yes"));
    assert_true ((qmp_object (object, members[i]) != NULL) == g_str_equal (members[i], "object"));
  }
  assert_string_equal (qmp_string (object, "text"), "a");
  assert_null (qmp_element (node, 0));
  assert_null (qmp_element (json_object_get_member (object, "list"), 0));
  assert_non_null (qmp_element (json_object_get_member (object, "list"), 1));
  assert_null (qmp_element (json_object_get_member (object, "list"), 2));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_command_is_answered),
    cmocka_unit_test (an_answer_may_come_byte_by_byte),
    cmocka_unit_test (events_come_in_between),
    cmocka_unit_test (a_long_answer_is_an_answer),
    cmocka_unit_test (its_refusal_is_one),
    cmocka_unit_test (who_hangs_is_not_waited_for),
    cmocka_unit_test (who_goes_is_gone),
    cmocka_unit_test (what_is_not_qmp_is_not_listened_to),
    cmocka_unit_test (after_one_lost_answer_nothing_is_asked),
    cmocka_unit_test (arguments_are_sent),
    cmocka_unit_test (a_socket_that_nobody_has_is_unreachable),
    cmocka_unit_test (room_in_the_queue_is_waited_for),
    cmocka_unit_test (members_of_another_type_are_absent),
  };
  scratch = images_directory ();
  int result = cmocka_run_group_tests (tests, NULL, NULL);
  images_remove (scratch);
  return result;
}
