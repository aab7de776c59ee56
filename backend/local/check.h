#pragma once
#include "../error.h"

/* Looks at a store that nobody has mounted for writing, and repairs what can be repaired without
 * guessing.  Without @repair not a byte and no time of change is touched. */

typedef enum {
  CHECK_FAULT,    /* something is wrong */
  CHECK_NOTE,     /* nothing is, and somebody may want to know */
  CHECK_REPAIRED, /* something was, before */
} CheckKind;

typedef struct {
  const char *const *allow; /* further directories that disks may be in; NULL: none */
  const char *hook;         /* program that works a site's own storage; NULL: none */
  gboolean repair;
  gboolean quick; /* leave out qemu-img check, which reads the tables of every image */
  /* Called for every finding; @path is absolute, @sentence goes on after it. */
  void (*say) (CheckKind kind, const char *path, const char *sentence, gpointer data);
  gpointer data;
} CheckOptions;

/* *@faults: how many there are now.  FALSE: it could not be looked at; BUSY while it is mounted. */
gboolean check_store (const char *path, const CheckOptions *options, guint *faults, GError **error);
