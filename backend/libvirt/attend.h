#pragma once
#include "../job.h"
#include <libvirt/libvirt.h>

/* Looks after a long call to libvirt while its caller waits for it: shows libvirt's progress, and
 * asks libvirt to abort when the job is cancelled.  Not every job of libvirt's can be: such a one
 * goes on, and its caller waits for its real end. */
typedef struct Attendant Attendant;

/* For as long as the call takes; both are borrowed. */
Attendant *attend (Job *job, virDomainPtr domain);
void attendant_leave (Attendant *attendant);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Attendant, attendant_leave)
