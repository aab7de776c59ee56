#pragma once
#include "change.h"

/* Snapshots of a running machine, as parts of a change.  What differs from one that is shut off:
 * the disks are the machine's, which is asked through its QMP socket; and where overlays are
 * attached to it the journal does not commit, the machine does. */

/* Finds the domain's machine: change->machine, when one of its disks is in use and it has a socket.
 * BUSY and others when that machine cannot take part. */
gboolean live_meet (Change *change, GError **error);

/* Nobody holds the disks' locks: no machine at the domain's socket has them open all the same.
 * BUSY.
 */
gboolean live_check_is_off (const Change *change, GError **error);

/* What a running machine allows.  BUSY, UNSUPPORTED. */
gboolean live_check_options (const Change *change, const CreateOptions *options, GError **error);

/* Whether the machine commits, by having overlays attached; else a journal does, as always. */
gboolean live_commits (const Change *change);

/* The disk is what the machine has open and writes to.  BUSY. */
gboolean live_check_disk (const Change *change, const ChangeDisk *disk, GError **error);

/* What a replay has to know of it. */
gboolean live_note_machine (const Change *change, Journal *journal, GError **error);

/* After the journal is durable.  *@undone: it failed, and nothing is left of it. */
gboolean live_carry_out (Change *change, gboolean *undone, GError **error);
