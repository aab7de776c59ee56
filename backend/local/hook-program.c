/* Which program may be a hook: one that nobody else can change or put another in the place of. */
#include "hook.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL_DEADLINE 600 /* seconds */
#define OTHERS_WRITE 0022

static gboolean
check_owner (const char *program, const struct stat *status, GError **error)
{
  if (status->st_uid != 0 && status->st_uid != geteuid ())
    return fail (error, BACKEND_ERROR_DENIED, "%s is not run: it belongs to somebody else",
                 program);
  return !(status->st_mode & OTHERS_WRITE) ||
         fail (error, BACKEND_ERROR_DENIED, "%s is not run: others may write to it (mode %o)",
               program, status->st_mode & 07777);
}

static gboolean
check_whereabouts (const Places *places, const char *program, const char *real, GError **error)
{
  g_autofree char *inside = places_canonical (places, real);
  return !inside ||
         fail (error, BACKEND_ERROR_DENIED,
               "%s is not run: it is where disks are, which may come from anywhere", program);
}

/* Who may write to a directory can put another file in its place, unless that is forbidden
 * there. */
static gboolean
check_directory (const char *program, const char *path, GError **error)
{
  struct stat status;
  if (stat (path, &status) < 0)
    return fail_errno (error, "%s", path);
  if (status.st_uid != 0 && status.st_uid != geteuid ())
    return fail (error, BACKEND_ERROR_DENIED, "%s is not run: %s belongs to somebody else", program,
                 path);
  return !(status.st_mode & OTHERS_WRITE) || (status.st_mode & S_ISVTX) ||
         fail (error, BACKEND_ERROR_DENIED,
               "%s is not run: %s may be written to by others (mode %o)", program, path,
               status.st_mode & 07777);
}

static gboolean
check_way (const char *program, const char *real, GError **error)
{
  g_autofree char *at = g_path_get_dirname (real);
  while (check_directory (program, at, error)) {
    if (g_str_equal (at, "/"))
      return TRUE;
    char *above = g_path_get_dirname (at);
    g_free (at);
    at = above;
  }
  return FALSE;
}

gboolean
hook_check (const Places *places, GError **error)
{
  const char *program = places_hook (places);
  char real[PATH_MAX];
  struct stat status;
  if (!program)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "no program is named that works the storage: -o hook=PROGRAM names it");
  if (*program != '/')
    return fail (error, BACKEND_ERROR_DENIED, "%s is not run: it is no absolute path", program);
  if (lstat (program, &status) < 0) /* no file of ours is missing */
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "%s: %s", program, g_strerror (errno));
  if (!S_ISREG (status.st_mode) || access (program, X_OK) < 0)
    return fail (error, BACKEND_ERROR_DENIED, "%s is not run: it is no executable file", program);
  if (!realpath (program, real))
    return fail_errno (error, "%s", program);
  return check_owner (program, &status, error) &&
         check_whereabouts (places, program, real, error) && check_way (program, real, error);
}

gboolean
hook_use (Places *places, const char *program, guint seconds, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (!program)
    return TRUE;
  places_set_hook (places, program, seconds > 0 ? seconds : USUAL_DEADLINE);
  return hook_check (places, &wrong) ||
         fail (error, BACKEND_ERROR_INVALID, "the hook: %s", wrong->message);
}
