#pragma once
/* Commands that tests prepare their places with. */
#include <glib.h>

static inline gboolean
command_succeeds (const char *const *argv)
{
  g_autoptr (GError) error = NULL;
  int status = -1;

  g_spawn_sync (NULL, (char **)argv, NULL,
                G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL,
                NULL, NULL, NULL, &status, &error);
  return error == NULL && status == 0;
}

static inline void
command_run (const char *const *argv)
{
  if (!command_succeeds (argv))
    g_error ("%s failed", argv[0]);
}
