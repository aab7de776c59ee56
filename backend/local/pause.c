/* Pausing a guest for a moment, and never for good. */
#include "pause.h"
#include "guest-note.h"
#include "picture.h"
#include <signal.h>

static gboolean
let_go_on (Qemu *machine, int records, GError **error)
{
  return qmp_do (machine->qmp, "cont", NULL, QEMU_WORK, error) &&
         guest_note_remove (records, PAUSE_NOTE, error);
}

/* Its owner may have paused it while the note was written, and then it stays that. */
static gboolean
stop (Qemu *machine, int records, gboolean *ours, GError **error)
{
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  *ours = machine->running;
  return *ours ? qmp_do (machine->qmp, "stop", NULL, QEMU_WORK, error)
               : guest_note_remove (records, PAUSE_NOTE, error);
}

gboolean
pause_begin (Pause *pause, Qemu *machine, int records, const char *socket, GError **error)
{
  *pause = (Pause){ FALSE, 0 };
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  if (machine->running &&
      (!guest_note_write (records, PAUSE_NOTE, socket, qmp_peer (machine->qmp), error) ||
       !stop (machine, records, &pause->ours, error)))
    return FALSE;
  pause->resumed = qmp_resumed (machine->qmp);
  return TRUE;
}

/* Its owner may have let it go on, and it may have written since to one disk and not yet to the
 * other; or it has come to its end meanwhile, or is somewhere else. */
gboolean
pause_end (const Pause *pause, Qemu *machine, int records, GError **error)
{
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  gboolean stood = !machine->running && qmp_resumed (machine->qmp) == pause->resumed;
  gboolean waits = stood && g_str_equal (machine->status, "paused");
  if (pause->ours && !waits && !guest_note_remove (records, PAUSE_NOTE, error))
    return FALSE;
  if (pause->ours ? !waits : !stood)
    return fail (error, BACKEND_ERROR_BUSY,
                 "somebody has let the machine go on before all disks were taken, or it has ended: "
                 "it is in the state %.40s",
                 machine->status);
  return !pause->ours || let_go_on (machine, records, error);
}

/* Who was started since is not who was paused. */
static gboolean
is_paused (const Qemu *machine, pid_t process)
{
  return g_str_equal (machine->status, "paused") &&
         (process == 0 || qmp_peer (machine->qmp) == process);
}

static gboolean
lives (pid_t process)
{
  return process > 0 && (kill (process, 0) == 0 || errno != ESRCH);
}

static gboolean
ask_machine (const Places *places, int records, const char *socket, pid_t process, GError **error)
{
  g_autoptr (Qemu) machine = qemu_open (places, socket, error);
  if (!machine)
    return FALSE;
  if (qmp_peer (machine->qmp) != process && lives (process))
    return fail (error, BACKEND_ERROR_BUSY,
                 "another machine answers at %s than the one that was paused", socket);
  return is_paused (machine, process) ? let_go_on (machine, records, error)
                                      : guest_note_remove (records, PAUSE_NOTE, error);
}

gboolean
pause_left_over (const Places *places, int records, const LocalDomain *found, GError **error)
{
  g_autofree char *noted = NULL, *usual = NULL;
  g_autoptr (GError) wrong = NULL, also = NULL;
  pid_t process;
  if (!guest_note_read (records, PAUSE_NOTE, &noted, &process, &wrong) && !wrong)
    return TRUE;
  if (wrong && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED)) {
    g_propagate_error (error, g_steal_pointer (&wrong));
    return FALSE;
  }
  if (noted && ask_machine (places, records, noted, process, &wrong))
    return TRUE;
  if (found) /* the store may be seen at another path now, or the note be damaged */
    qemu_find_socket (places, found, "qmp", &usual, NULL);
  if (usual && g_strcmp0 (usual, noted) != 0 &&
      ask_machine (places, records, usual, process, &also))
    return TRUE;
  if (found ? picture_is_off (places, found) : !lives (process))
    return guest_note_remove (records, PAUSE_NOTE, error);
  return fail (error, BACKEND_ERROR_BUSY, "the guest may be paused: %s",
               wrong ? wrong->message : "there is no socket of its machine");
}
