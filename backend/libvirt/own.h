#pragma once
#include "../backend.h"
#include "../threads.h"
#include "abilities.h"
#include "connection.h"
#include "host-files.h"
#include "machine.h"
#include "news.h"

/* The backend's own, for the files of this directory. */
typedef struct {
  Backend backend;
  Connection *connection;
  Abilities abilities;
  HostFiles files;
  guint poll_seconds;
  gint64 opened; /* seconds since the epoch */

  Lock lock;
  GHashTable *machines; /* of Machine, by name; those that are gone stay; protected by lock */
  GStrv names;          /* the last list of domains; NULL: there was none; protected by lock */

  News *news; /* set by watch, before the first request; NULL: nobody watches */
} Libvirt;

/* The machine of this name, made when it is new: only for names that libvirt said. */
Machine *libvirt_machine (Libvirt *libvirt, const char *name);
/* NULL: libvirt has said nothing of it. */
Machine *libvirt_known_machine (Libvirt *libvirt, const char *name);
/* The same, after asking if need be: NOT_FOUND, UNREACHABLE. */
Machine *libvirt_find_machine (Libvirt *libvirt, const char *name, GError **error);
/* All that are known; free the array. */
GPtrArray *libvirt_machines (Libvirt *libvirt);

/* Asks for the list of domains.  *@changed (may be NULL): it is another one than the last. */
GStrv libvirt_list (Libvirt *libvirt, gboolean *changed, GError **error);

/* Whoever watches is told about @domain; NULL: domains came or went. */
void libvirt_tell (Libvirt *libvirt, const char *domain);
