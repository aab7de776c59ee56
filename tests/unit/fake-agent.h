#pragma once
/* A guest agent that does what a test wants of it, on a socket in a temporary directory. */
#include "../../backend/threads.h"
#include "temporary.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef enum {
  SAY,     /* the text, as the answer */
  HANG,    /* no answer for as long as somebody is connected */
  HANG_UP, /* no answer, and that is the end of the connection */
  ENDLESS, /* the text for ever */
  DRIBBLE, /* the right answer, a byte at a time */
} FakeDoes;

/* What it does at a command, the first @times; after that, and at others, it is honest. */
typedef struct {
  const char *command; /* NULL ends the rules */
  guint times;
  FakeDoes does;
  gboolean acts; /* it does as it is told all the same */
  const char *text;
} FakeRule;

typedef struct {
  char *path;
  int listener;
  int ends[2]; /* a pipe: that it shall stop */
  pthread_t thread;
  const char *chatter; /* said to each client first, before it is known who that is; NULL */
  Lock lock;           /* guards what follows */
  gboolean frozen;
  guint freezes;
  FakeRule rules[8];
} FakeAgent;

/* FALSE: the client is gone, or it shall stop. */
static inline gboolean
fake_wait (const FakeAgent *agent, int fd)
{
  struct pollfd polled[] = { { .fd = fd, .events = POLLIN },
                             { .fd = agent->ends[0], .events = POLLIN } };
  while (poll (polled, 2, -1) < 0 && errno == EINTR)
    ;
  return polled[1].revents == 0;
}

static inline gboolean
fake_say (int client, const char *text, gsize length)
{
  return send (client, text, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static inline FakeRule
fake_take_rule (FakeAgent *agent, const char *line)
{
  autolock held = lock_hold (&agent->lock);
  for (FakeRule *rule = agent->rules; rule->command; rule++)
    if (strstr (line, rule->command) && rule->times > 0) {
      rule->times--;
      return *rule;
    }
  return (FakeRule){ .command = NULL };
}

/* Does as it is told; the answer, which g_free frees. */
static inline char *
fake_act (FakeAgent *agent, const char *line)
{
  autolock held = lock_hold (&agent->lock);
  const char *number = strstr (line, "\"id\":");
  if (strstr (line, "guest-sync-delimited"))
    return g_strdup_printf ("\xff{\"return\": %d}\n",
                            number ? atoi (number + strlen ("\"id\":")) : 0);
  if (strstr (line, "fsfreeze-status"))
    return g_strdup_printf ("{\"return\": \"%s\"}\n", agent->frozen ? "frozen" : "thawed");
  if (strstr (line, "fsfreeze-freeze") && agent->frozen)
    return g_strdup ("{\"error\": {\"class\": \"GenericError\", \"desc\": \"is disabled\"}}\n");
  agent->frozen = strstr (line, "fsfreeze-freeze") != NULL;
  agent->freezes += agent->frozen;
  return g_strdup ("{\"return\": 1}\n");
}

static inline gboolean
fake_dribble (int client, const char *answer)
{
  for (; *answer; answer++) {
    if (!fake_say (client, answer, 1))
      return FALSE;
    g_usleep (1000);
  }
  return TRUE;
}

/* FALSE: the connection is at its end. */
static inline gboolean
fake_answer (FakeAgent *agent, int client, const char *line)
{
  FakeRule rule = fake_take_rule (agent, line);
  g_autofree char *answer =
      !rule.command || rule.acts || rule.does == DRIBBLE ? fake_act (agent, line) : NULL;
  if (!rule.command)
    return fake_say (client, answer, strlen (answer));
  if (rule.does == SAY)
    return fake_say (client, rule.text, strlen (rule.text));
  if (rule.does == DRIBBLE)
    return fake_dribble (client, answer);
  while (rule.does == ENDLESS && fake_say (client, rule.text, strlen (rule.text)))
    ;
  if (rule.does == HANG)
    fake_wait (agent, client);
  return FALSE;
}

static inline void
fake_serve (FakeAgent *agent, int client)
{
  g_autoptr (GString) line = g_string_new (NULL);
  char byte;
  while (fake_wait (agent, client) && read (client, &byte, 1) == 1) {
    if (byte == '\xff')
      g_string_truncate (line, 0);
    else if (byte != '\n')
      g_string_append_c (line, byte);
    else if (!fake_answer (agent, client, line->str))
      return;
    else
      g_string_truncate (line, 0);
  }
}

static inline void *
fake_run (void *data)
{
  FakeAgent *agent = data;
  while (fake_wait (agent, agent->listener)) {
    int client = accept4 (agent->listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
      continue;
    if (!agent->chatter || fake_say (client, agent->chatter, strlen (agent->chatter)))
      fake_serve (agent, client);
    close (client);
  }
  return NULL;
}

/* @rules: ended by an empty one; NULL: it is honest. */
static inline FakeAgent *
fake_agent_start_with (const char *directory, const char *chatter, const FakeRule *rules)
{
  FakeAgent *agent = g_new0 (FakeAgent, 1);
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  agent->path = g_build_filename (directory, "qga.sock", NULL);
  snprintf (address.sun_path, sizeof address.sun_path, "%s", agent->path);
  for (guint i = 0; rules && rules[i].command; i++)
    agent->rules[i] = rules[i];
  agent->chatter = chatter;
  lock_init (&agent->lock);
  agent->listener = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal (bind (agent->listener, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal (listen (agent->listener, 8), 0);
  assert_int_equal (pipe2 (agent->ends, O_CLOEXEC), 0);
  agent->thread = thread_start ("agent", fake_run, agent);
  return agent;
}

static inline FakeAgent *
fake_agent_start (const char *directory, const FakeRule *rules)
{
  return fake_agent_start_with (directory, NULL, rules);
}

static inline gboolean
fake_agent_is_frozen (FakeAgent *agent)
{
  autolock held = lock_hold (&agent->lock);
  return agent->frozen;
}

static inline guint
fake_agent_freezes (FakeAgent *agent)
{
  autolock held = lock_hold (&agent->lock);
  return agent->freezes;
}

/* From now on this is its only rule; an empty one: it is honest. */
static inline void
fake_agent_rule (FakeAgent *agent, FakeRule rule)
{
  autolock held = lock_hold (&agent->lock);
  agent->rules[0] = rule;
  agent->rules[1] = (FakeRule){ .command = NULL };
}

static inline void
fake_agent_freeze (FakeAgent *agent, gboolean frozen)
{
  autolock held = lock_hold (&agent->lock);
  agent->frozen = frozen;
}

static inline gboolean
fake_agent_becomes (FakeAgent *agent, gboolean frozen)
{
  for (guint i = 0; i < 2000 && fake_agent_is_frozen (agent) != frozen; i++)
    g_usleep (5000);
  return fake_agent_is_frozen (agent) == frozen;
}

/* As when QEMU ends: its socket stays, and nobody listens on it. */
static inline void
fake_agent_stop (FakeAgent *agent)
{
  close (agent->ends[1]); /* which the pipe's other end sees as an end */
  thread_join (agent->thread);
  close (agent->ends[0]);
  close (agent->listener);
  lock_clear (&agent->lock);
  g_free (agent->path);
  g_free (agent);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeAgent, fake_agent_stop)
