/* Folding in a running machine.
 *
 * QEMU is asked from time to time, each time over a connection of its own: its socket serves one at
 * a time, and who wants to know how the machine is must not wait for as long as a fold may take. */
#include "live-fold.h"
#include "../qcow2/header.h"
#include "fd.h"
#include "journal.h"
#include "live-clean.h"
#include "live-look.h"
#include "qemu-job.h"
#include "stream-note.h"
#include <string.h>

/* Milliseconds between two questions how far it is; twice as long each time. */
#define SHORTEST_PAUSE 10
#define LONGEST_PAUSE 1000

/* ---- speaking to the machine ---- */

static gboolean
is_the_same (const Stream *stream, const Qmp *qmp, GError **error)
{
  return qmp_peer (qmp) == stream->process ||
         fail (error, BACKEND_ERROR_BUSY,
               "the machine was started anew in the middle of a folding");
}

static Qmp *
speak (const LiveFold *fold, const Stream *stream, GError **error)
{
  autofd socket = qemu_open_socket (fold->places, stream->socket, error);
  g_autoptr (Qmp) qmp = socket < 0 ? NULL : qmp_connect (socket, QEMU_ASK, error);
  return qmp && is_the_same (stream, qmp, error) ? g_steal_pointer (&qmp) : NULL;
}

static Qemu *
meet (const LiveFold *fold, Stream *stream, GError **error)
{
  if (!stream->socket &&
      !qemu_find_socket (fold->places, fold->found, "qmp", &stream->socket, error))
    return NULL;
  if (stream->socket)
    return qemu_open (fold->places, stream->socket, error);
  fail (error, BACKEND_ERROR_BUSY, "a running machine without a QMP socket reads %s",
        fold->unnamed);
  return NULL;
}

/* ---- beginning ---- */

/* The backing file is spelled as the image spells it: both are in one directory. */
static JsonObject *
stream_arguments (const Stream *stream)
{
  JsonObject *arguments = json_object_new ();
  qemu_job_set (arguments, stream->job);
  json_object_set_string_member (arguments, "device", stream->top);
  if (stream->base) {
    json_object_set_string_member (arguments, "base-node", stream->base);
    json_object_set_string_member (arguments, "backing-file", stream->backing);
  }
  return arguments;
}

static gboolean
note (const LiveFold *fold, GError **error)
{
  g_autofree char *disk = g_build_filename (fold->path, fold->dependent, NULL);
  return stream_note_write (fold->records, fold->places, disk, error);
}

/* What was refused has not happened. */
static gboolean
begin (const LiveFold *fold, Stream *stream, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  g_autoptr (Qemu) machine = meet (fold, stream, error);
  if (!machine || !live_clean (machine, error) || !live_look_at (fold, machine, stream, error) ||
      !note (fold, error))
    return FALSE;
  if (qmp_do (machine->qmp, "block-stream", stream_arguments (stream), QEMU_WORK, &wrong))
    return TRUE;
  if (g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_FAILED))
    stream_note_remove (fold->records, NULL);
  g_propagate_error (error, g_steal_pointer (&wrong));
  return FALSE;
}

/* ---- waiting ---- */

static gboolean
ask (const LiveFold *fold, const Stream *stream, QemuJob *is, GError **error)
{
  g_autoptr (Qmp) qmp = speak (fold, stream, error);
  return qmp && qemu_job_look (qmp, stream->job, is, error);
}

/* It stopped, or ended before it was told to. */
static gboolean
has_failed (const LiveFold *fold, const QemuJob *is, GError **error)
{
  if (is->no_space)
    return fail (error, BACKEND_ERROR_NO_SPACE,
                 "there is no room for folding %s while the machine runs", fold->unnamed);
  return fail (error, BACKEND_ERROR_FAILED, "QEMU could not fold %s: %s", fold->unnamed,
               is->state == QEMU_JOB_FAILED ? "reading it or writing to the disk failed"
                                            : "somebody else has ended its job");
}

/* Until all is copied. */
static gboolean
attend (const LiveFold *fold, const Stream *stream, Job *job, GError **error)
{
  QemuJob is;
  for (guint pause = SHORTEST_PAUSE;; pause = MIN (2 * pause, LONGEST_PAUSE)) {
    if (job_cancelled (job, error) || !ask (fold, stream, &is, error))
      return FALSE;
    job_progress (job, is.done, is.total);
    if (is.state == QEMU_JOB_WAITS)
      return TRUE;
    if (is.state != QEMU_JOB_WORKS)
      return has_failed (fold, &is, error);
    job_wait (job, pause);
  }
}

/* ---- making it effective ---- */

/* QEMU keeps what it has changed of an image's tables in memory, and writes the header without
 * them: if it ended then, what was copied would be lost (measured: QEMU 7.2).  Its monitor is the
 * only one that has a command for that.  What it says is not relied upon, the file is looked at. */
static gboolean
flush (Qmp *qmp, const Stream *stream, GError **error)
{
  g_autofree char *line = g_strdup_printf ("qemu-io \"%s\" \"flush\"", stream->top);
  JsonObject *arguments = json_object_new ();
  json_object_set_string_member (arguments, "command-line", line);
  return qmp_do (qmp, "human-monitor-command", arguments, QEMU_WORK, error);
}

static gboolean
check_is_hidden (const LiveFold *fold, const Stream *stream, GError **error)
{
  guint64 seen;
  if (!journal_sync (stream->disk, fold->dependent, error) ||
      !live_look_count (fold, stream, &seen, error))
    return FALSE;
  return seen == 0 ||
         fail (error, BACKEND_ERROR_FAILED,
               "QEMU has not written all of %s to %s: %" G_GUINT64_FORMAT " bytes are missing",
               fold->unnamed, fold->dependent, seen);
}

/* Whether it became effective. */
static gboolean
check_header (const LiveFold *fold, const Stream *stream, GError **error)
{
  g_autoptr (Qcow2Header) header = qcow2_header_read (stream->disk, error);
  if (!header)
    return FALSE;
  if (g_strcmp0 (header->backing, stream->backing) != 0 ||
      (header->backing && !header->backing_format))
    return fail (error, BACKEND_ERROR_FAILED, "QEMU has not written to %s what is behind it now",
                 fold->dependent);
  return journal_sync (stream->disk, fold->dependent, error);
}

/* Our own nodes go by themselves then, the machine's owner's does not. */
static gboolean
let_go (Qemu *machine, const Stream *stream, GError **error)
{
  if (!live_clean (machine, error))
    return FALSE;
  if (g_hash_table_contains (machine->nodes, stream->below) &&
      (!live_clean_node (machine, stream->below, error) || !qemu_look (machine, error)))
    return FALSE;
  return !g_hash_table_contains (machine->nodes, stream->below) ||
         fail (error, BACKEND_ERROR_BUSY, "QEMU keeps its node %s", stream->below);
}

/* QEMU stands still while it flushes: what can be written out before is. */
static gboolean
finish (const LiveFold *fold, Stream *stream, Job *job, GError **error)
{
  if (!journal_sync (stream->disk, fold->dependent, error))
    return FALSE;
  g_autoptr (Qemu) machine = meet (fold, stream, error);
  return machine && is_the_same (stream, machine->qmp, error) &&
         flush (machine->qmp, stream, error) && check_is_hidden (fold, stream, error) &&
         !job_cancelled (job, error) && qemu_job_finish (machine->qmp, stream->job, error) &&
         check_header (fold, stream, error) && let_go (machine, stream, error) &&
         stream_note_remove (fold->records, error);
}

/* Where QEMU does not say that nothing of it is left, the note stays. */
static void
give_up (const LiveFold *fold, Stream *stream)
{
  g_autoptr (Qemu) machine = meet (fold, stream, NULL);
  if (machine && live_clean (machine, NULL))
    stream_note_remove (fold->records, NULL);
}

gboolean
live_fold (const LiveFold *fold, Job *job, GError **error)
{
  g_auto (Stream) stream = { .disk = -1, .image = -1 };
  if (!begin (fold, &stream, error))
    return FALSE;
  if (attend (fold, &stream, job, error) && finish (fold, &stream, job, error))
    return TRUE;
  give_up (fold, &stream);
  return FALSE;
}
