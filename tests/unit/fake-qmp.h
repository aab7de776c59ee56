#pragma once
/* Somebody at the other end of a QMP socket, who says what a script says. */
#include "../../backend/threads.h"
#include "../testing.h"
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FAKE_GREETING                                                                              \
  "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}},"                \
  " \"capabilities\": []}}\n"
#define FAKE_HEAR "?" /* waits for a line */
#define FAKE_NOTHING "{\"return\": {}}\n"
#define FAKE_HANG "hang" /* says nothing more until the client goes */

typedef struct {
  char *path;
  int listening;
  const char *const *script;
  gsize piece; /* bytes that it sends at a time */
  GString *heard;
  pthread_t thread;
} Fake;

/* FALSE: the client has gone. */
static gboolean
fake_hear_line (Fake *fake, int client)
{
  char byte;
  while (read (client, &byte, 1) == 1) {
    g_string_append_c (fake->heard, byte);
    if (byte == '\n')
      return TRUE;
  }
  return FALSE;
}

static gboolean
fake_say (Fake *fake, int client, const char *text)
{
  for (gsize left = strlen (text); left > 0;) {
    ssize_t count = send (client, text, MIN (left, fake->piece), MSG_NOSIGNAL);
    if (count < 0)
      return FALSE;
    text += count;
    left -= (gsize)count;
  }
  return TRUE;
}

static void *
fake_run (void *data)
{
  Fake *fake = data;
  int client = accept (fake->listening, NULL, NULL);
  gboolean there = TRUE;
  for (gsize i = 0; there && fake->script[i]; i++)
    if (strcmp (fake->script[i], FAKE_HEAR) == 0)
      there = fake_hear_line (fake, client);
    else if (strcmp (fake->script[i], FAKE_HANG) == 0)
      while (there)
        there = fake_hear_line (fake, client);
    else
      there = fake_say (fake, client, fake->script[i]);
  close (client);
  return NULL;
}

/* @script: ended by NULL; stays until fake_stop. */
static Fake *
fake_start (const char *path, const char *const *script, gsize piece)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  Fake *fake = g_new0 (Fake, 1);
  fake->path = g_strdup (path);
  fake->script = script;
  fake->piece = piece;
  fake->heard = g_string_new (NULL);
  g_assert (strlen (path) < sizeof address.sun_path);
  strcpy (address.sun_path, path);
  fake->listening = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert (bind (fake->listening, (struct sockaddr *)&address, sizeof address) == 0);
  g_assert (listen (fake->listening, 1) == 0);
  fake->thread = thread_start ("fake", fake_run, fake);
  return fake;
}

/* What it heard; free with g_free.  The client has gone. */
static char *
fake_stop (Fake *fake)
{
  thread_join (fake->thread);
  close (fake->listening);
  unlink (fake->path);
  g_free (fake->path);
  char *heard = g_string_free (fake->heard, FALSE);
  g_free (fake);
  return heard;
}
