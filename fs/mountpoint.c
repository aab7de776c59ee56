/* The mount point before and while it is mounted.
 *
 * In the background the parent's exit status is the promise that the tree can
 * be used: it goes only when a stat through the mount was answered. */
#include "mountpoint.h"

#include "../backend/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* "\040" and the like in /proc/self/mountinfo. */
static char *
unescape_octal (const char *text)
{
  return g_strcompress (text);
}

/* Whether one line of mountinfo is a mount of ours on @path. */
static gboolean
is_ours (const char *line, const char *path)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  const char *rest = strstr (line, " - ");
  g_autofree char *at = g_strv_length (words) > 4 ? unescape_octal (words[4]) : NULL;

  return at != NULL && rest != NULL && strcmp (at, path) == 0 &&
         g_str_has_prefix (rest, " - fuse.vmsnapfs ");
}

static gboolean
is_dead_mount_of_ours (const char *path)
{
  g_autofree char *mounts = NULL;
  g_auto (GStrv) lines = NULL;
  struct statvfs space;
  gboolean ours = FALSE;

  /* Not stat: the kernel may still answer that from what it remembers. */
  if (statvfs (path, &space) == 0 || errno != ENOTCONN)
    return FALSE;
  if (!g_file_get_contents ("/proc/self/mountinfo", &mounts, NULL, NULL))
    return FALSE;
  lines = g_strsplit (mounts, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    ours = ours || is_ours (*line, path);
  return ours;
}

static void
take_off (const char *path)
{
  const char *const command[] = { "fusermount3", "-uz", "--", path, NULL };

  if (umount2 (path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
    return;
  g_spawn_sync (NULL, (char **)command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                NULL);
}

static gboolean
is_below (const char *path, const char *directory)
{
  gsize length = strlen (directory);

  if (strcmp (directory, "/") == 0)
    return TRUE;
  return strncmp (path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static gboolean
check_apart (const char *mountpoint, const char *store, GError **error)
{
  g_autofree char *real = store != NULL ? realpath (store, NULL) : NULL;

  if (real == NULL)
    return TRUE;
  if (strcmp (real, mountpoint) == 0)
    return fail (error, BACKEND_ERROR_INVALID, "cannot mount on \"%s\", the store itself",
                 mountpoint);
  if (is_below (mountpoint, real))
    return fail (error, BACKEND_ERROR_INVALID, "cannot mount on \"%s\", which is inside the store",
                 mountpoint);
  if (is_below (real, mountpoint))
    return fail (error, BACKEND_ERROR_INVALID,
                 "cannot mount on \"%s\", which holds the store \"%s\"", mountpoint, real);
  return TRUE;
}

gboolean
mountpoint_prepare (Options *options, const char *store, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (options->mountpoint, NULL);
  g_autofree char *real = NULL;
  struct stat stat_now;

  if (is_dead_mount_of_ours (absolute))
    take_off (absolute);
  real = realpath (absolute, NULL);
  if (real == NULL || stat (real, &stat_now) != 0)
    return fail_errno (error, "cannot mount on \"%s\"", options->mountpoint);
  if (!S_ISDIR (stat_now.st_mode))
    return fail (error, BACKEND_ERROR_INVALID, "cannot mount on \"%s\", which is not a directory",
                 options->mountpoint);
  if (!check_apart (real, store, error))
    return FALSE;
  g_free (options->mountpoint);
  options->mountpoint = g_strdup (real);
  return TRUE;
}

/* What the parent does with the rest of its life; the child's exit status when there is no mount.
 */
static G_GNUC_NORETURN void
wait_for_mount (pid_t child, int ready, const char *mountpoint, dev_t before)
{
  struct stat stat_now;
  int status = 0;
  char byte;
  ssize_t got;

  while ((got = read (ready, &byte, 1)) < 0 && errno == EINTR)
    continue;
  if (got == 1) {
    if (stat (mountpoint, &stat_now) == 0 && stat_now.st_dev != before)
      _exit (EXIT_SUCCESS);
    fprintf (stderr, "vmsnapfs: the mount on %s does not answer\n", mountpoint);
    _exit (EXIT_FAILURE);
  }
  waitpid (child, &status, 0);
  _exit (WIFEXITED (status) && WEXITSTATUS (status) != 0 ? WEXITSTATUS (status) : EXIT_FAILURE);
}

int
mountpoint_fork (const char *mountpoint)
{
  struct stat before = { 0 };
  int ends[2];
  pid_t child;

  stat (mountpoint, &before);
  if (pipe (ends) != 0 || (child = fork ()) < 0) {
    fprintf (stderr, "vmsnapfs: cannot start in the background: %s\n", g_strerror (errno));
    _exit (EXIT_FAILURE);
  }
  if (child > 0) {
    close (ends[1]);
    wait_for_mount (child, ends[0], mountpoint, before.st_dev);
  }
  close (ends[0]);
  setsid ();
  return ends[1];
}
