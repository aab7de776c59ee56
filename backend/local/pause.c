/* Pausing a guest for a moment, and never for good. */
#include "pause.h"
#include "guest-note.h"
#include "picture.h"

/* Its owner may have paused it since it was looked at, and then it stays that. */
gboolean
pause_begin (Qemu *machine, int records, const char *socket, GError **error)
{
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  if (!machine->running)
    return TRUE;
  return guest_note_write (records, PAUSE_NOTE, socket, qmp_peer (machine->qmp), error) &&
         qmp_do (machine->qmp, "stop", NULL, QEMU_WORK, error);
}

static gboolean
let_go_on (Qemu *machine, int records, GError **error)
{
  return qmp_do (machine->qmp, "cont", NULL, QEMU_WORK, error) &&
         guest_note_remove (records, PAUSE_NOTE, error);
}

/* Its owner may have let it go on, and it may have written since to one disk and not yet to the
 * other. */
gboolean
pause_end (Qemu *machine, int records, GError **error)
{
  gboolean ran = machine->running;
  if (!qemu_look_at_status (machine, error))
    return FALSE;
  if (machine->running && (!ran || guest_note_remove (records, PAUSE_NOTE, error)))
    return fail (error, BACKEND_ERROR_BUSY,
                 "somebody has let the machine go on before all disks were taken");
  return !machine->running && (!ran || let_go_on (machine, records, error));
}

/* Who was started since is not who was paused. */
static gboolean
is_paused (const Qemu *machine, pid_t process)
{
  return g_str_equal (machine->status, "paused") &&
         (process == 0 || qmp_peer (machine->qmp) == process);
}

static gboolean
ask_machine (const Places *places, int records, const char *socket, pid_t process, GError **error)
{
  g_autoptr (Qemu) machine = qemu_open (places, socket, error);
  if (!machine)
    return FALSE;
  return is_paused (machine, process) ? let_go_on (machine, records, error)
                                      : guest_note_remove (records, PAUSE_NOTE, error);
}

gboolean
pause_left_over (const Places *places, int records, const LocalDomain *found, GError **error)
{
  g_autofree char *socket = NULL;
  g_autoptr (GError) wrong = NULL;
  pid_t process;
  if (!guest_note_read (records, PAUSE_NOTE, &socket, &process, &wrong) && !wrong)
    return TRUE;
  if (!socket && found) /* the note is damaged */
    qemu_find_socket (places, found, "qmp", &socket, NULL);
  if (socket && ask_machine (places, records, socket, process, &wrong))
    return TRUE;
  if (picture_is_off (places, found))
    return guest_note_remove (records, PAUSE_NOTE, error);
  return fail (error, BACKEND_ERROR_BUSY, "the guest may be paused: %s",
               wrong ? wrong->message : "there is no socket of its machine");
}
