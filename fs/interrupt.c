/* Which signal it was that interrupted a request: it is still pending, because the call that it
 * interrupts has not returned yet. */
#include "interrupt.h"

#include <signal.h>
#include <string.h>

static guint64
bit (int number)
{
  return G_GUINT64_CONSTANT (1) << (number - 1);
}

/* The mask in the line @key of /proc/PID/status. */
static guint64
mask_of (const char *status, const char *key)
{
  const char *line = strstr (status, key);

  return line != NULL ? g_ascii_strtoull (line + strlen (key), NULL, 16) : 0;
}

gboolean
interrupt_is_meant (pid_t pid)
{
  const guint64 meant = bit (SIGINT) | bit (SIGTERM) | bit (SIGQUIT) | bit (SIGHUP) | bit (SIGKILL);
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int)pid);
  g_autofree char *status = NULL;

  if (!g_file_get_contents (path, &status, NULL, NULL))
    return TRUE;
  return ((mask_of (status, "\nSigPnd:") | mask_of (status, "\nShdPnd:")) & meant) != 0;
}
