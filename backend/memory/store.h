#pragma once
#include "../backend.h"
#include "../threads.h"
#include "domain.h"
#include "follow.h"

/* The backend's own, for the files of this directory. */
typedef struct {
  Backend backend;
  Course course;
  GPtrArray *domains;  /* of MemoryDomain, by name; never changes */
  GHashTable *unasked; /* of const char *: domains whose scripted slow get is still to come;
                          protected by lock */
  GPtrArray *orphans;  /* of Domain; protected by lock */
  Lock lock;

  /* Set by watch, before the first request. */
  Queue *changes; /* of char *: domains to tell of; NULL: nobody watches */
  BackendChanged changed;
  gpointer changed_data;
  pthread_t watcher;
} Memory;

/* NULL: no such; NOT_FOUND. */
MemoryDomain *memory_find (const Memory *memory, const char *name);
MemoryDomain *memory_find_or_fail (const Memory *memory, const char *name, GError **error);
