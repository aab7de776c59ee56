#pragma once
/* A directory for records, and files in it with a seal that holds. */
#include "../../backend/local/journal.h"
#include "../../backend/local/records.h"
#include "fuzz.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  int fd;
  Places *places;
} Scratch;

/* Made once, below $TMPDIR; whoever set that removes it. */
static inline const Scratch *
scratch_get (void)
{
  static Scratch scratch;
  if (!scratch.places) {
    g_autofree char *path = g_dir_make_tmp ("fuzz-XXXXXX", NULL);
    MUST (path != NULL);
    scratch.fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    scratch.places = places_open (path, NULL, NULL);
    MUST (scratch.fd >= 0 && scratch.places);
  }
  return &scratch;
}

/* The file that @kind stands for; NULL: none. */
static inline const char *
sealing_name (uint8_t kind, const char *uuid)
{
  static char *snapshot;
  if (!snapshot)
    snapshot = records_file (uuid);
  return kind == 's' ? snapshot : kind == 'h' ? RECORDS_HEAD : kind == 'j' ? JOURNAL_FILE : NULL;
}

/* Whether @body has no more than one value at its top.  json-glib 1.6 takes several, keeps the last
 * and leaks the others, which is not for us to find.  Says no to comments rather than follow them.
 */
static inline gboolean
sealing_is_one_value (const uint8_t *body, gsize length)
{
  gboolean in_string = FALSE, begun = FALSE;
  int depth = 0;
  for (gsize i = 0; i < length; i++) {
    if (in_string && body[i] == '\\')
      i++;
    else if (body[i] == '"')
      in_string = !in_string;
    else if (!in_string && (body[i] == '{' || body[i] == '[') && depth++ == 0 && begun)
      return FALSE;
    else if (!in_string && (body[i] == '}' || body[i] == ']'))
      depth--;
    else if (!in_string && strchr ("/#'", body[i]))
      return FALSE; /* a NUL too */
    begun = begun || !g_ascii_isspace (body[i]);
  }
  return TRUE;
}

/* The format is sealed.c's; written out because sealed_write takes JSON only. */
static inline void
sealing_write (int fd, const char *name, const uint8_t *body, gsize length)
{
  g_autofree char *digest = g_compute_checksum_for_data (G_CHECKSUM_SHA256, body, length);
  int file = openat (fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  MUST (file >= 0);
  MUST (dprintf (file, "vmsnapfs 1 %s\n", digest) > 0);
  MUST (write (file, body, length) == (ssize_t)length);
  close (file);
}
