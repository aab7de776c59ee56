/* vmsnap umount: takes a mounted tree down, and waits until its images are free.
 *
 * The kernel has unmounted long before the daemon has let go of the store.  What says so is the
 * store's own lock, the one on its directory, which is taken for a moment. */
#include "commands.h"
#include "in-the-way.h"
#include "mounted.h"

#include "../backend/error.h"
#include "../backend/local/fd.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define PAUSE (G_USEC_PER_SEC / 20)
#define SECONDS 30
#define SECONDS_LIMIT 86400

/* ---- finding it */

static gboolean
is_mount_of_ours (const char *line, const char *path)
{
  g_auto (GStrv) words = g_strsplit (line, " ", -1);
  g_autofree char *at = g_strv_length (words) > 4 ? g_strcompress (words[4]) : NULL;

  return g_strcmp0 (at, path) == 0 && strstr (line, " - fuse.vmsnapfs ") != NULL;
}

static gboolean
is_mounted (const char *path)
{
  g_autofree char *mounts = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean mounted = FALSE;

  if (!g_file_get_contents ("/proc/self/mountinfo", &mounts, NULL, NULL))
    return FALSE;
  lines = g_strsplit (mounts, "\n", -1);
  for (char **line = lines; *line != NULL && !mounted; line++)
    mounted = is_mount_of_ours (*line, path);
  return mounted;
}

/* As mountinfo spells it.  The mount itself is not asked: it may be dead. */
static char *
find_mount (const char *name, GError **error)
{
  g_autofree char *absolute = g_canonicalize_filename (name, NULL);
  g_autofree char *base = g_path_get_basename (absolute);
  g_autofree char *parent = g_path_get_dirname (absolute);
  char real[PATH_MAX];
  g_autofree char *path = NULL;

  if (realpath (parent, real) == NULL) {
    fail_errno (error, "%s", name);
    return NULL;
  }
  path = g_build_filename (real, base, NULL);
  if (!is_mounted (path) && realpath (absolute, real) != NULL) {
    g_free (path);
    path = g_strdup (real);
  }
  if (is_mounted (path))
    return g_steal_pointer (&path);
  fail (error, BACKEND_ERROR_NOT_FOUND, "%s: no tree is mounted there", name);
  return NULL;
}

/* A descriptor of the store's directory, if another program than us changes it; -1: there is none,
 * or it is none of our business.  A tree that is mounted read-only shares the lock with others, and
 * has nothing open when it is unmounted. */
static int
open_store (const char *path)
{
  autofd mount = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *text = mount < 0 ? NULL : mounted_read (mount, ".vmsnapfs/backend", NULL, NULL);
  g_autofree char *name = mounted_field (text, "directory");
  autofd store = name == NULL ? -1 : open (name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (store < 0 || flock (store, LOCK_SH | LOCK_NB) != 0)
    return fd_steal (&store);
  return -1;
}

/* ---- taking it down */

/* fusermount3 says the reason in words only. */
static gboolean
ask_helper (const char *path, GError **error)
{
  const char *const command[] = { "fusermount3", "-u", "--", path, NULL };
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "LC_ALL", "C", TRUE);
  g_autofree char *said = NULL;
  int status;

  if (!g_spawn_sync (NULL, (char **)command, environment,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said,
                     &status, error))
    return FALSE;
  if (WIFEXITED (status) && WEXITSTATUS (status) == 0)
    return TRUE;
  return fail (error, strstr (said, "busy") != NULL ? BACKEND_ERROR_BUSY : BACKEND_ERROR_FAILED,
               "%s", g_strstrip (said));
}

static gboolean
take_down (const char *path, GError **error)
{
  if (geteuid () != 0)
    return ask_helper (path, error);
  return umount2 (path, UMOUNT_NOFOLLOW) == 0 || fail_errno (error, "%s", path);
}

static gboolean
fail_busy (const char *path, GError **error)
{
  g_autofree char *who = in_the_way (path);

  return fail (error, BACKEND_ERROR_BUSY, "%s: in use%s%s", path,
               who != NULL ? " by " : ", by whom cannot be seen", who != NULL ? who : "");
}

static gboolean
take_down_patiently (const char *path, gint64 deadline, GError **error)
{
  for (;;) {
    g_autoptr (GError) problem = NULL;

    if (take_down (path, &problem))
      return TRUE;
    if (!g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_BUSY)) {
      g_propagate_error (error, g_steal_pointer (&problem));
      return FALSE;
    }
    if (g_get_monotonic_time () >= deadline)
      return fail_busy (path, error);
    g_usleep (PAUSE);
  }
}

static gboolean
wait_for_store (int store, const char *path, gint64 deadline, GError **error)
{
  while (flock (store, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      return fail_errno (error, "%s: unmounted, but its store", path);
    if (g_get_monotonic_time () >= deadline)
      return fail (error, BACKEND_ERROR_BUSY, "%s: unmounted, but something still holds its store",
                   path);
    g_usleep (PAUSE);
  }
  return TRUE;
}

static gboolean
unmount (const char *name, guint seconds, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + (gint64)seconds * G_USEC_PER_SEC;
  g_autofree char *path = find_mount (name, error);
  autofd store = path == NULL ? -1 : open_store (path);

  if (path == NULL || !take_down_patiently (path, deadline, error))
    return FALSE;
  return store < 0 || wait_for_store (store, path, deadline, error);
}

static int
run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "timeout", required_argument, NULL, 't' },
                                                { 0 } };
  guint64 seconds = SECONDS;
  int letter, status = EXIT_SUCCESS;

  while ((letter = getopt_long (argc, argv, "", long_options, NULL)) != -1) {
    if (letter != 't')
      return command_misused (error, "an option is unknown or lacks its value");
    if (!g_ascii_string_to_unsigned (optarg, 10, 0, SECONDS_LIMIT, &seconds, NULL))
      return command_misused (error, "\"%s\" is no number of seconds", optarg);
  }
  if (optind == argc)
    return command_misused (error, "a mount point is needed");
  for (int i = optind; i < argc; i++) {
    g_autoptr (GError) problem = NULL;

    if (unmount (argv[i], (guint)seconds, &problem))
      continue;
    command_complain (problem);
    status = EXIT_FAILURE;
  }
  return status;
}

const Command umount_command = {
  "umount", "unmount a tree and wait until its images are free",
  "usage: vmsnap umount [--timeout SECONDS] MNT...\n"
  "\n"
  "Tries again while the tree is in use, and returns when the disk images may be used by\n"
  "others.\n"
  "\n"
  "  --timeout SECONDS   give up after so long, and say who is in the way (default: 30)\n",
  run
};
