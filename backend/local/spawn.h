#pragma once
#include "../error.h"
#include <sys/types.h>

/* A program to be started, by itself and for us alone: it dies with the calling thread
 * (PR_SET_PDEATHSIG) unless it survives, has a session of its own, an environment of LC_ALL=C and a
 * PATH, no descriptors but its three streams and what it is to keep, no core dumps. */
typedef struct {
  const char *program;    /* absolute */
  char *const *arguments; /* argv, ended by NULL */
  int directory;          /* to run in; borrowed */
  int streams[3];         /* its standard streams; borrowed */
  int keep[2];            /* its descriptors 3 and 4; borrowed; -1: none from there on */
  guint64 space;          /* bytes of address space that it may have */
  gboolean survives;      /* the calling thread */
} Spawn;

/* The new process, to be waited for; -1 on error. */
pid_t spawn (const Spawn *wanted, GError **error);
