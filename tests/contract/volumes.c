/* Volumes for disks, by the commands of LVM and ZFS. */
#include "volumes.h"

#include "command.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define PATIENCE (10 * G_USEC_PER_SEC)
#define VOLUME_SIZE (16 << 20)

/* The disk @name of the directory @directory is the volume "contract.DIRECTORY.NAME", which is not
 * another store's. */
static char *
volume_name (const char *directory, const char *name)
{
  g_autofree char *store = g_path_get_dirname (directory);
  g_autofree char *which = g_path_get_basename (store);
  g_autofree char *domain = g_path_get_basename (directory);

  return g_strdup_printf ("contract.%s.%s.%s", which, domain, name);
}

static char *
group_name (void)
{
  return g_path_get_basename (g_getenv ("CONTRACT_VOLUMES"));
}

/* udev gives it its name. */
static void
wait_for_volume (const char *path)
{
  gint64 end = g_get_monotonic_time () + PATIENCE;

  while (g_access (path, F_OK) != 0 && g_get_monotonic_time () < end)
    g_usleep (10 * 1000);
}

static void
clear (const char *path)
{
  g_autofree guchar *zeros = g_malloc0 (VOLUME_SIZE);
  int fd = open (path, O_WRONLY | O_CLOEXEC);

  if (fd < 0 || write (fd, zeros, VOLUME_SIZE) != VOLUME_SIZE || fsync (fd) < 0)
    g_error ("%s cannot be written", path);
  close (fd);
}

char *
volume_path (const char *directory, const char *name)
{
  g_autofree char *volume = volume_name (directory, name);

  return g_build_filename (g_getenv ("CONTRACT_VOLUMES"), volume, NULL);
}

void
volume_make (const char *kind, const char *directory, const char *name)
{
  g_autofree char *volume = volume_name (directory, name), *group = group_name ();
  g_autofree char *path = volume_path (directory, name);
  gboolean is_thin = g_str_equal (kind, "thin"), is_zvol = g_str_equal (kind, "zvol");
  const char *pool = g_getenv ("CONTRACT_POOL") != NULL ? g_getenv ("CONTRACT_POOL") : "pool";
  const char *const thick[] = { "lvcreate", "--yes", "--wipesignatures", "n",
                                "--name",   volume,  "--size",           "16m",
                                group,      NULL };
  const char *const thin[] = { "lvcreate", "--yes",      "--name", volume, "--virtualsize",
                               "16m",      "--thinpool", pool,     group,  NULL };
  g_autofree char *dataset = g_strdup_printf ("%s/%s", group, volume);
  const char *const zvol[] = { "zfs", "create", "-V", "16M", dataset, NULL };

  command_run (is_zvol ? zvol : is_thin ? thin : thick);
  wait_for_volume (path);
  if (!is_zvol && !is_thin) /* which are empty */
    clear (path);
}

static void
remove_zvol (const char *which)
{
  g_autofree char *all = g_strdup_printf (
      "for i in $(zfs list -H -o name -t snapshot -d 1 '%s'); do zfs release vmsnapfs $i; done; "
      "zfs destroy -r '%s'",
      which, which);
  const char *const argv[] = { "sh", "-c", all, NULL };

  command_run (argv);
}

/* One command for all: in a guest under TCG each takes seconds. */
static void
remove_logical_volumes (char *const which[3])
{
  g_autofree char *group = group_name ();
  const char *const left[] = { "lvremove",         "--yes", "--force", "--select",
                               "lv_tags=vmsnapfs", group,   NULL };
  const char *const disks[] = {
    "lvremove", "--yes", "--force", which[0], which[1], which[2], NULL
  };

  command_run (left);
  command_run (disks);
}

static char *
qualified_name (const char *store, const char *domain, const char *name)
{
  g_autofree char *directory = g_build_filename (store, domain, NULL), *group = group_name ();
  g_autofree char *volume = volume_name (directory, name);

  return g_strdup_printf ("%s/%s", group, volume);
}

/* What discarding has left to a tidying that was not waited for; and then the disks. */
void
volumes_remove (const char *kind, const char *store)
{
  gboolean is_zvol = g_str_equal (kind, "zvol");
  char *which[] = { qualified_name (store, "bare", "root.img"),
                    qualified_name (store, "two", "root.img"),
                    qualified_name (store, "two", "data.img") };

  if (!is_zvol)
    remove_logical_volumes (which);
  for (gsize i = 0; i < G_N_ELEMENTS (which); i++) {
    if (is_zvol)
      remove_zvol (which[i]);
    g_free (which[i]);
  }
}
