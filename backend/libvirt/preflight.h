#pragma once
#include "../plan.h"
#include "order.h"

/* What libvirt does not look at before it begins (libvirt 9.0, QEMU, snapshots inside images):
 * whether every disk has the snapshot, and whether QEMU would take its name for the number of
 * another.  Only of images that can be read here; what cannot be looked at is let pass.  DAMAGED.
 *
 * And whether another snapshot, in files of its own, is read through an image that is to go back:
 * BUSY. */
gboolean preflight_revert (const Order *order, const Snapshot *snapshot, GError **error);
/* The first for all that @plan removes from a machine that is shut off; and whether others that
 * stay need files that would go: BUSY. */
gboolean preflight_discard (const Order *order, const Plan *plan, GError **error);

/* The first for one image and the snapshot called @name. */
gboolean preflight_image (const char *file, const char *name, GError **error);
