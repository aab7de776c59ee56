#pragma once
#include "own.h"

/* Asks libvirt for everything about the domain of @machine and makes a picture of it; what did not
 * change since the last is shared with that, and where nothing did it is the last itself.
 * NOT_FOUND, UNREACHABLE. */
Domain *picture_load (Libvirt *libvirt, Machine *machine, const Load *load, GError **error);

/* Like BackendOps.get_domain: a good picture, or the last one with a note that it is stale. */
Domain *picture_get (Libvirt *libvirt, const char *domain, GError **error);
/* Only a good one. */
Domain *picture_get_fresh (Libvirt *libvirt, Machine *machine, GError **error);
/* One that libvirt was asked for just now, whatever is known: somebody else may have changed it. */
Domain *picture_look (Libvirt *libvirt, Machine *machine, GError **error);
