/* Thawing a guest that may be frozen.
 *
 * Thawing what is not frozen does nothing, so it is done whenever there is a doubt, and until the
 * agent says that it is done.  Only one thing ends it besides: the machine is off.  Whether it is
 * must not be asked of the socket alone, whose name somebody may have removed: its disks' locks say
 * it as well. */
#include "thaw.h"
#include "guest-note.h"
#include "pause.h"
#include "picture.h"
#include "qemu.h"

#define FIRST_WAIT 20000 /* microseconds between two attempts; twice as long each time */
#define LONGEST_WAIT 500000
#define LONGEST_TRY                                                                                \
  3000000 /* microseconds of one: a new connection may find an agent that an old                   \
              one does not */

gboolean
thaw_persistently (Agent **agent, const char *socket, gint64 deadline, GError **error)
{
  for (gint64 wait = FIRST_WAIT;; wait = MIN (2 * wait, LONGEST_WAIT)) {
    gint64 until = MIN (deadline, g_get_monotonic_time () + LONGEST_TRY);
    g_autoptr (GError) wrong = NULL;
    if (!*agent)
      *agent = agent_connect (socket, until, &wrong);
    gboolean thawed = *agent && agent_thaw (*agent, until, &wrong);
    g_clear_pointer (agent, agent_close);
    if (thawed)
      return TRUE;
    if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND) ||
        g_get_monotonic_time () + wait >= deadline) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return FALSE;
    }
    g_usleep ((gulong)wait);
  }
}

/* -------------------------------------------------------------------- what was left over */

/* NOT_FOUND: there is nobody to be asked at any of its @sockets. */
static gboolean
thaw_at (char *const *sockets, gint64 deadline, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  for (guint i = 0; sockets[i]; i++) {
    g_autoptr (GError) here = NULL;
    g_autoptr (Agent) agent = agent_connect (sockets[i], deadline, &here);
    if (agent && agent_thaw (agent, deadline, &here))
      return TRUE;
    /* Somebody who does not answer tells more than nobody. */
    if (!wrong || g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND)) {
      g_clear_error (&wrong);
      wrong = g_steal_pointer (&here);
    }
  }
  if (!wrong)
    fail (&wrong, BACKEND_ERROR_NOT_FOUND, "there is no socket of a guest agent");
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* Where its agent may be: the store may be seen at another path now, or the note be damaged. */
static GStrv
sockets_of (const Places *places, const LocalDomain *found, const char *noted)
{
  g_autoptr (GStrvBuilder) sockets = g_strv_builder_new ();
  g_autofree char *usual = NULL;
  if (found)
    qemu_find_socket (places, found, "qga", &usual, NULL);
  if (noted)
    g_strv_builder_add (sockets, noted);
  if (usual && g_strcmp0 (usual, noted) != 0)
    g_strv_builder_add (sockets, usual);
  return g_strv_builder_end (sockets);
}

static gboolean
thaw_noted (const Places *places, int records, const LocalDomain *found, gint64 deadline,
            GError **error)
{
  g_autofree char *noted = NULL;
  g_autoptr (GError) wrong = NULL;
  pid_t unknown;
  if (!guest_note_read (records, QUIET_NOTE, &noted, &unknown, &wrong) && !wrong)
    return TRUE;
  if (wrong && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED)) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  g_auto (GStrv) sockets = sockets_of (places, found, noted);
  g_clear_error (&wrong);
  if (!thaw_at (sockets, deadline, &wrong) &&
      !(g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND) &&
        picture_is_off (places, found))) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return fail_in (error, "the guest's file systems may be frozen");
  }
  return guest_note_remove (records, QUIET_NOTE, error);
}

/* Who is paused cannot thaw; whether it is may not be known. */
gboolean
thaw_left_over (const Places *places, int records, const LocalDomain *found, gint64 deadline,
                GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gboolean goes_on = pause_left_over (places, records, found, &wrong);
  /* Asking QEMU may have taken all the time. */
  deadline = MAX (deadline, g_get_monotonic_time () + G_USEC_PER_SEC);
  if (!thaw_noted (places, records, found, deadline, error))
    return FALSE;
  if (!goes_on)
    g_propagate_error (error, g_steal_pointer (&wrong));
  return goes_on;
}
