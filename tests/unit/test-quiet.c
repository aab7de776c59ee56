/* A guest's file systems at rest: whatever the agent, the snapshot and the daemon do, they are
 * thawed, and nothing says that they were at rest when they were not. */
#include "../../backend/failures.h"
#include "../../backend/local/check.h"
#include "../../backend/local/guest-note.h"
#include "../../backend/local/quiet.h"
#include "../../backend/local/thaw.h"
#include "../testing.h"
#include "fake-agent.h"
#include "local-store.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LONG 20000 /* milliseconds, which nothing reaches */
#define SHORT 300  /* which is waited for */

#define XML                                                                                        \
  "<domain type='kvm'><name>web</name><uuid>6e4cbd67-0a4f-4a5c-8d43-000000000001</uuid>"           \
  "<devices><disk type='file'><driver name='qemu' type='qcow2'/><source file='a.qcow2'/>"          \
  "<target dev='vda'/></disk></devices></domain>"

/* A store with one domain, and who may freeze its guest. */
typedef struct {
  TemporaryDirectory *directory;
  char *guest; /* the domain's directory */
  Backend *backend;
  DomainState *state;
  int records;
} World;

static Store *
store_of (const World *world)
{
  return (Store *)world->backend;
}

static void
world_open (World *world, gboolean read_only)
{
  g_autoptr (GError) error = NULL;
  world->backend = open_store (world->directory, read_only);
  world->state = store_find (store_of (world), "web", &error);
  assert_no_error (error);
  g_autoptr (LocalDomain) found = state_found (world->state);
  assert_true (
      store_open_records (store_of (world), found->uuid, !read_only, &world->records, &error));
}

static void
world_close (World *world)
{
  close (world->records);
  backend_close (world->backend);
}

static int
world_make (void **state)
{
  World *world = g_new0 (World, 1);
  if (temporary_make ((void **)&world->directory) != 0)
    return -1;
  images_run (world->directory->path, "mkdir web && qemu-img create -q -f qcow2 web/a.qcow2 8M");
  images_write_text (world->directory->path, "web/domain.xml", XML);
  world->guest = g_build_filename (world->directory->path, "web", NULL);
  world_open (world, FALSE);
  *state = world;
  return 0;
}

static int
world_remove (void **state)
{
  World *world = *state;
  world_close (world);
  g_free (world->guest);
  temporary_remove ((void **)&world->directory);
  g_free (world);
  return 0;
}

static void
look_away (const char *domain, gpointer data)
{
}

/* The next daemon, which may start threads. */
static void
start_again (World *world)
{
  g_autoptr (GError) error = NULL;
  world_close (world);
  world_open (world, FALSE);
  assert_true (backend_watch (world->backend, look_away, NULL, &error));
}

static Quiet *
begin (World *world, const FakeAgent *agent, guint limit, GError **error)
{
  return quiet_begin (store_of (world), world->state, world->records, agent->path, limit, error);
}

static Quiet *
begin_well (World *world, FakeAgent *agent, guint limit)
{
  g_autoptr (GError) error = NULL;
  Quiet *quiet = begin (world, agent, limit, &error);
  assert_no_error (error);
  assert_true (fake_agent_is_frozen (agent));
  assert_true (note_exists (world->records, QUIET_NOTE));
  return quiet;
}

static void
assert_at_peace (const World *world, FakeAgent *agent)
{
  assert_false (fake_agent_is_frozen (agent));
  assert_false (note_exists (world->records, QUIET_NOTE));
}

static gboolean
info_says (const World *world, const char *line)
{
  g_autoptr (Domain) domain = backend_get_domain (world->backend, "web", NULL);
  for (guint i = 0; i < domain->notes->len; i++)
    if (g_str_has_prefix (g_ptr_array_index (domain->notes, i), line))
      return TRUE;
  return FALSE;
}

static void
wait_until_thawed (const World *world, FakeAgent *agent)
{
  assert_true (fake_agent_becomes (agent, FALSE));
  for (guint i = 0;
       i < 2000 && (note_exists (world->records, QUIET_NOTE) || info_says (world, "frozen:")); i++)
    g_usleep (5000);
  assert_at_peace (world, agent);
  assert_false (info_says (world, "frozen:"));
}

/* -------------------------------------------------------------------- as it should be */

static void
the_guest_is_frozen_until_the_end (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  Quiet *quiet = begin_well (world, agent, LONG);
  assert_true (quiet_is_kept (quiet, &error));
  assert_true (quiet_deadline (quiet) > g_get_monotonic_time ());
  assert_true (quiet_end (quiet, &error));
  assert_at_peace (world, agent);
  assert_false (info_says (world, "frozen:"));
}

static void
it_can_be_done_again (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  for (guint i = 0; i < 20; i++)
    assert_true (quiet_end (begin_well (world, agent, LONG), NULL));
  assert_int_equal (fake_agent_freezes (agent), 20);
}

/* -------------------------------------------------------------------- beginnings that fail */

static void
without_an_agent_nothing_is_begun (void **state)
{
  World *world = *state;
  g_autofree char *path = g_build_filename (world->guest, "none", NULL);
  g_autoptr (GError) error = NULL;
  assert_null (quiet_begin (store_of (world), world->state, world->records, path, LONG, &error));
  assert_error (&error, BACKEND_ERROR_NOT_FOUND);
  assert_false (note_exists (world->records, QUIET_NOTE));
}

static void
what_somebody_else_has_frozen_is_his (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  fake_agent_freeze (agent, TRUE);
  assert_null (begin (world, agent, LONG, &error));
  assert_error (&error, BACKEND_ERROR_BUSY);
  assert_true (fake_agent_is_frozen (agent));
  assert_false (note_exists (world->records, QUIET_NOTE));
}

static void
assert_not_begun (World *world, const FakeRule *rules, BackendError code)
{
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, rules);
  g_autoptr (GError) error = NULL;
  assert_null (begin (world, agent, SHORT, &error));
  assert_error (&error, code);
  assert_at_peace (world, agent);
  assert_int_equal (unlink (agent->path), 0);
}

/* Also when it froze and did not say so, or said that it did not. */
static void
a_freeze_that_fails_is_thawed (void **state)
{
  static const char broken[] = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"broken\"}}\n";
  static const char unknown[] = "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\n";
  const struct {
    FakeRule rules[2];
    BackendError code;
  } cases[] = {
    { { { "freeze-freeze", 1, HANG, TRUE }, { NULL } }, BACKEND_ERROR_UNREACHABLE },
    { { { "freeze-freeze", 1, HANG_UP, TRUE }, { NULL } }, BACKEND_ERROR_UNREACHABLE },
    { { { "freeze-freeze", 1, HANG, FALSE }, { NULL } }, BACKEND_ERROR_UNREACHABLE },
    { { { "freeze-freeze", 1, SAY, TRUE, "garbage\n" }, { NULL } }, BACKEND_ERROR_UNREACHABLE },
    { { { "freeze-freeze", 1, ENDLESS, TRUE, "endless" }, { NULL } }, BACKEND_ERROR_UNREACHABLE },
    { { { "freeze-freeze", 1, SAY, TRUE, broken }, { NULL } }, BACKEND_ERROR_FAILED },
    { { { "freeze-freeze", 1, SAY, FALSE, unknown }, { NULL } }, BACKEND_ERROR_UNSUPPORTED },
    { { { "freeze-freeze", 1, SAY, FALSE, "{\"return\": 0}\n" }, { NULL } },
      BACKEND_ERROR_UNSUPPORTED },
    { { { "fsfreeze-status", 1, HANG_UP }, { NULL } }, BACKEND_ERROR_UNREACHABLE },
    { { { "fsfreeze-status", 1, SAY, FALSE, "{\"return\": 1}\n" }, { NULL } },
      BACKEND_ERROR_UNREACHABLE },
  };
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_not_begun (*state, cases[i].rules, cases[i].code);
}

static void
without_a_note_nothing_is_frozen (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  assert_int_equal (mkdirat (world->records, "quiet.t", 0700), 0); /* where it is written */
  assert_null (begin (world, agent, LONG, &error));
  assert_non_null (error);
  assert_int_equal (fake_agent_freezes (agent), 0);
  assert_int_equal (unlinkat (world->records, "quiet.t", AT_REMOVEDIR), 0);
  assert_at_peace (world, agent);
}

/* -------------------------------------------------------------------- not kept */

static void
at_the_deadline_it_is_thawed_whatever_the_snapshot_does (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  Quiet *quiet = begin_well (world, agent, SHORT);
  assert_true (fake_agent_becomes (agent, FALSE)); /* and this thread does nothing */
  assert_false (quiet_is_kept (quiet, &error));
  assert_error (&error, BACKEND_ERROR_FAILED);
  assert_false (quiet_end (quiet, &error));
  assert_error (&error, BACKEND_ERROR_FAILED);
  assert_at_peace (world, agent);
}

static void
what_was_thawed_in_the_guest_was_not_at_rest (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  Quiet *quiet = begin_well (world, agent, LONG);
  fake_agent_freeze (agent, FALSE);
  assert_false (quiet_end (quiet, &error));
  assert_error (&error, BACKEND_ERROR_FAILED);
  assert_at_peace (world, agent);
}

static void
an_agent_that_falls_silent_was_not_at_rest (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  Quiet *quiet = begin_well (world, agent, 2 * SHORT);
  fake_agent_rule (agent, (FakeRule){ "fsfreeze-status", 1, HANG });
  assert_false (quiet_end (quiet, &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_at_peace (world, agent);
}

/* -------------------------------------------------------------------- thawing that fails */

static void
thawing_is_tried_until_it_is_done (void **state)
{
  World *world = *state;
  static const FakeRule rules[] = {
    { "thaw", 1, SAY, FALSE, "{\"error\": {\"class\": \"GenericError\", \"desc\": \"broken\"}}\n" },
    { "thaw", 1, SAY, FALSE, "{\"return\": 1}\n" }, /* a lie */
    { "thaw", 1, HANG_UP, FALSE },
    { "thaw", 1, SAY, FALSE, "garbage\n" },
    { "thaw", 1, HANG_UP, TRUE },
    { NULL },
  };
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, rules);
  g_autoptr (GError) error = NULL;
  assert_true (quiet_end (begin_well (world, agent, LONG), &error));
  assert_at_peace (world, agent);
}

static void
a_machine_that_ends_has_nothing_to_thaw (void **state)
{
  World *world = *state;
  FakeAgent *agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GError) error = NULL;
  Quiet *quiet = begin_well (world, agent, LONG);
  fake_agent_stop (agent);
  assert_false (quiet_end (quiet, &error));
  assert_error (&error, BACKEND_ERROR_UNREACHABLE);
  assert_false (note_exists (world->records, QUIET_NOTE));
  assert_false (info_says (world, "frozen:"));
}

static void
what_stays_frozen_is_told_and_tried_again (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  Quiet *quiet = begin_well (world, agent, LONG);
  fake_agent_rule (agent, (FakeRule){ "thaw", 1000, HANG_UP });
  assert_true (quiet_end (quiet, NULL)); /* it was at rest, which is what the snapshot asks */
  assert_true (fake_agent_is_frozen (agent));
  assert_true (note_exists (world->records, QUIET_NOTE));
  assert_true (info_says (world, "frozen:"));
  g_autofree char *failures = failures_describe ("web");
  assert_non_null (strstr (failures, " thaw: "));
  fake_agent_rule (agent, (FakeRule){ NULL });
  wait_until_thawed (world, agent);
}

/* -------------------------------------------------------------------- a daemon that died */

/* As a daemon leaves it that is killed while the guest is frozen. */
static void
die (World *world, const FakeAgent *agent)
{
  pid_t child = fork ();
  if (child == 0) {
    begin (world, agent, LONG, NULL);
    kill (getpid (), SIGKILL);
  }
  assert_int_equal (waitpid (child, NULL, 0), child);
}

static void
the_next_start_thaws (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  die (world, agent);
  assert_true (fake_agent_is_frozen (agent));
  world_close (world);
  world_open (world, FALSE); /* no thread has been started yet */
  assert_at_peace (world, agent);
}

static void
the_next_snapshot_thaws (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  die (world, agent);
  assert_true (quiet_end (begin_well (world, agent, LONG), NULL));
  assert_int_equal (fake_agent_freezes (agent), 2);
  assert_at_peace (world, agent);
}

static void
a_store_that_is_only_read_is_told_of (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  die (world, agent);
  world_close (world);
  world_open (world, TRUE);
  assert_true (fake_agent_is_frozen (agent));
  assert_true (info_says (world, "frozen:"));
  assert_true (note_exists (world->records, QUIET_NOTE));
}

static void
an_agent_that_does_not_answer_at_the_start_is_asked_again (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  die (world, agent);
  fake_agent_rule (agent, (FakeRule){ "thaw", 1000, HANG_UP });
  start_again (world);
  assert_true (fake_agent_is_frozen (agent));
  assert_true (info_says (world, "frozen:"));
  fake_agent_rule (agent, (FakeRule){ NULL });
  wait_until_thawed (world, agent);
}

static void
a_damaged_note_means_the_usual_socket (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  die (world, agent);
  int note = openat (world->records, QUIET_NOTE, O_WRONLY | O_TRUNC | O_CLOEXEC);
  assert_true (note >= 0);
  close (note);
  world_close (world);
  world_open (world, FALSE);
  assert_at_peace (world, agent);
}

/* The machine's lock on its disk, as QEMU takes it. */
static int
lock_disk (const World *world)
{
  g_autofree char *path = g_build_filename (world->guest, "a.qcow2", NULL);
  struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1 };
  int fd = open (path, O_RDWR | O_CLOEXEC);
  assert_int_equal (fcntl (fd, F_OFD_SETLK, &lock), 0);
  return fd;
}

static void
a_machine_that_is_off_is_not_frozen (void **state)
{
  World *world = *state;
  FakeAgent *agent = fake_agent_start (world->guest, NULL);
  die (world, agent);
  fake_agent_stop (agent);
  int disk = lock_disk (world);
  start_again (world);
  assert_true (note_exists (world->records, QUIET_NOTE)); /* it runs, and only its socket is gone */
  assert_true (info_says (world, "frozen:"));
  close (disk);
  for (guint i = 0; i < 2000 && note_exists (world->records, QUIET_NOTE); i++)
    g_usleep (5000);
  assert_false (note_exists (world->records, QUIET_NOTE));
}

static void
a_socket_that_comes_back_is_asked (void **state)
{
  World *world = *state;
  FakeAgent *first = fake_agent_start (world->guest, NULL);
  die (world, first);
  assert_int_equal (unlink (first->path), 0);
  fake_agent_stop (first);
  int disk = lock_disk (world);
  start_again (world);
  assert_true (note_exists (world->records, QUIET_NOTE));
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  fake_agent_freeze (agent, TRUE);
  wait_until_thawed (world, agent);
  close (disk);
}

/* -------------------------------------------------------------------- vmsnap check */

static void
say (CheckKind kind, const char *path, const char *sentence, gpointer data)
{
  g_string_append_printf (data, "%d %s\n", (int)kind, sentence);
}

static guint
check (const World *world, gboolean repair, GString *findings)
{
  const CheckOptions options = { .repair = repair, .say = say, .data = findings };
  g_autoptr (GError) error = NULL;
  guint faults = 0;
  g_string_truncate (findings, 0);
  check_store (world->directory->path, &options, &faults, &error);
  assert_no_error (error);
  return faults;
}

static void
a_check_finds_it_and_a_repair_thaws (void **state)
{
  World *world = *state;
  g_autoptr (FakeAgent) agent = fake_agent_start (world->guest, NULL);
  g_autoptr (GString) findings = g_string_new (NULL);
  die (world, agent);
  world_close (world);
  assert_int_equal (check (world, FALSE, findings), 1);
  assert_non_null (strstr (findings->str, "may be frozen"));
  assert_true (fake_agent_is_frozen (agent));
  assert_int_equal (check (world, TRUE, findings), 0);
  assert_non_null (strstr (findings->str, "thawed"));
  assert_false (fake_agent_is_frozen (agent));
  assert_int_equal (check (world, FALSE, findings), 0);
  world_open (world, FALSE);
  assert_at_peace (world, agent);
}

#define world_test(function) cmocka_unit_test_setup_teardown (function, world_make, world_remove)

int
main (void)
{
  const struct CMUnitTest tests[] = {
    world_test (the_guest_is_frozen_until_the_end),
    world_test (it_can_be_done_again),
    world_test (without_an_agent_nothing_is_begun),
    world_test (what_somebody_else_has_frozen_is_his),
    world_test (a_freeze_that_fails_is_thawed),
    world_test (without_a_note_nothing_is_frozen),
    world_test (at_the_deadline_it_is_thawed_whatever_the_snapshot_does),
    world_test (what_was_thawed_in_the_guest_was_not_at_rest),
    world_test (an_agent_that_falls_silent_was_not_at_rest),
    world_test (thawing_is_tried_until_it_is_done),
    world_test (a_machine_that_ends_has_nothing_to_thaw),
    world_test (what_stays_frozen_is_told_and_tried_again),
    world_test (the_next_start_thaws),
    world_test (the_next_snapshot_thaws),
    world_test (a_store_that_is_only_read_is_told_of),
    world_test (an_agent_that_does_not_answer_at_the_start_is_asked_again),
    world_test (a_damaged_note_means_the_usual_socket),
    world_test (a_machine_that_is_off_is_not_frozen),
    world_test (a_socket_that_comes_back_is_asked),
    world_test (a_check_finds_it_and_a_repair_thaws),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
