#pragma once
#include "../error.h"
#include <libvirt/libvirt.h>

/* Sees to it that no call waits for ever for a host that says nothing: asks it now and then, and
 * ends all calls when there is no answer.  One connection at a time.  Any thread. */
typedef struct Guard Guard;

Guard *guard_new (void);
void guard_free (Guard *guard);
/* From now on it is looked after. */
void guard_start (Guard *guard);

/* By who opens a connection: before, and with what came of it (NULL: nothing). */
void guard_opening (Guard *guard);
void guard_opened (Guard *guard, virConnectPtr link);
/* It was closed. */
void guard_closed (Guard *guard);

/* Every call that waits for the host fails now. */
void guard_cut (Guard *guard);
