#pragma once
#include "change.h"

/* Takes the disks that are taken in place (Method), all at one moment: what of them nobody but this
 * change knows of is made.  A machine that runs is paused meanwhile, and goes on before this
 * returns; its guest is at rest where that is asked for.
 *
 * For an operation's last step before its commit: on an error nothing has happened, and what was
 * made is given up with the change. */
gboolean moment_take (Change *change, GError **error);

/* Whether @fd (borrowed), which is @disk or its clone, is a whole image as a paused machine has
 * left it: its owner may have changed it since it was looked at.  Of a machine that is off it is.
 */
gboolean moment_check_header (const Change *change, const ChangeDisk *disk, int fd, GError **error);
