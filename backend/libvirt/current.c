/* The picture of a domain as everybody asks for it: good, or the last known one with a note. */
#include "picture.h"

/* By whoever has begun the load. */
static Domain *
load (Libvirt *libvirt, Machine *machine, Load *begun, GError **error)
{
  g_autoptr (GError) problem = NULL;
  Domain *picture = picture_load (libvirt, machine, begun, &problem);
  gboolean gone = g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND);

  machine_loaded (machine, begun, picture != NULL ? domain_ref (picture) : NULL, gone);
  if (problem != NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return picture;
}

Domain *
picture_get_fresh (Libvirt *libvirt, Machine *machine, GError **error)
{
  Domain *picture = NULL;
  Load begun;

  if (!machine_begin_load (machine, &begun, &picture))
    return picture;
  return load (libvirt, machine, &begun, error);
}

Domain *
picture_look (Libvirt *libvirt, Machine *machine, GError **error)
{
  Load begun;

  machine_begin_look (machine, &begun);
  return load (libvirt, machine, &begun, error);
}

Domain *
picture_get (Libvirt *libvirt, const char *name, GError **error)
{
  Machine *machine = libvirt_find_machine (libvirt, name, error);
  g_autoptr (GError) problem = NULL;
  g_autoptr (Domain) picture = NULL;

  if (machine == NULL)
    return NULL;
  picture = picture_get_fresh (libvirt, machine, &problem);
  if (picture == NULL && g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_UNREACHABLE))
    picture = machine_picture (machine, NULL);
  if (picture != NULL)
    return g_steal_pointer (&picture);
  g_propagate_error (error, g_steal_pointer (&problem));
  return NULL;
}
