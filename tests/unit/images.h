#pragma once
#include <glib.h>
#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after those four */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

/* Scratch directories and real images for tests. */

/* A new directory below $TMPDIR; images_remove takes it away.  Free with g_free. */
static inline char *
images_directory (void)
{
  g_autofree char *made = g_dir_make_tmp ("vmsnapfs-test-XXXXXX", NULL);
  char *real = realpath (made, NULL); /* as places does */
  char *directory = g_strdup (real);
  free (real);
  return directory;
}

/* Runs a shell command in @directory; it must succeed. */
G_GNUC_PRINTF (2, 3)
static inline void
images_run (const char *directory, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *command = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_autofree char *quoted = g_shell_quote (directory);
  g_autofree char *line = g_strdup_printf ("cd %s && %s", quoted, command);
  if (system (line) != 0)
    fail_msg ("failed: %s", command);
}

static inline void
images_remove (char *directory)
{
  images_run ("/", "rm -rf '%s'", directory);
  g_free (directory);
}

static inline void
images_write (const char *directory, const char *name, const void *data, gsize length)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);
  assert_true (g_file_set_contents (path, data, (gssize)length, NULL));
}

static inline void
images_write_text (const char *directory, const char *name, const char *text)
{
  images_write (directory, name, text, strlen (text));
}
