#pragma once
#include "../backend.h"
#include "handle.h"

/* What libvirt does not look at before it begins (libvirt 9.0, QEMU, snapshots inside the images of
 * a machine that is shut off): whether every disk has the snapshot, and whether qemu-img would take
 * its name for the number of another.  Only of images that can be read here; what cannot be looked
 * at is let pass.  DAMAGED. */
gboolean preflight_revert (const Domain *domain, const Snapshot *snapshot, const Handle *handle,
                           GError **error);
/* The same for all that @plan removes. */
gboolean preflight_discard (const Domain *domain, const Plan *plan, const Handle *handle,
                            GError **error);

/* The same of one image and the snapshot called @name. */
gboolean preflight_image (const char *file, const char *name, GError **error);
