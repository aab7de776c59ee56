#pragma once
#include "change.h"
#include "quiet.h"

/* The guest at rest while its disks are taken, where the change asks for that (`quiesce`). */

/* *@quiet NULL: the guest is not at rest, nor has it to be; `restless` says why.  BUSY where it has
 * to be. */
gboolean rest_begin (Change *change, Quiet **quiet, GError **error);

/* Not before the guest runs: who is paused cannot thaw.  `restless`: as it was to the end. */
void rest_end (Change *change, Quiet **quiet);
