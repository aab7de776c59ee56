/* The backend of any libvirt URI: opening, and what can be asked.
 *
 * libvirt keeps everything; here is only what it said last (machine.h), and the one connection to
 * it.  Changes are orders (order.h), waiting for news in news.c. */
#include "libvirt.h"

#include "handle.h"
#include "host-disks.h"
#include "merge.h"
#include "order.h"
#include "own.h"
#include "picture.h"
#include "refusal.h"
#include "secrets.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------- the connection */

/* A new connection may be to another libvirt. */
static void
on_opened (virConnectPtr link, gpointer data)
{
  Libvirt *libvirt = data;

  abilities_forget (&libvirt->abilities);
  if (libvirt->news != NULL)
    news_opened (libvirt->news, link);
}

static void
on_closing (virConnectPtr link, gpointer data)
{
  Libvirt *libvirt = data;

  if (libvirt->news != NULL)
    news_closing (libvirt->news, link);
}

static void
on_lost (gpointer data)
{
  Libvirt *libvirt = data;
  g_autoptr (GPtrArray) machines = libvirt_machines (libvirt);
  g_autofree char *since = connection_lost_since (libvirt->connection);
  g_autofree char *note =
      g_strdup_printf ("stale: yes, not connected to %s since %s",
                       connection_uri (libvirt->connection), since != NULL ? since : "just now");

  for (guint i = 0; i < machines->len; i++) {
    Machine *machine = g_ptr_array_index (machines, i);

    machine_touch (machine, NULL, TRUE);
    machine_note_stale (machine, note);
    libvirt_tell (libvirt, machine_name (machine));
  }
  if (libvirt->news != NULL)
    news_wake (libvirt->news);
}

/* libvirt writes every error to stderr unless somebody else takes it. */
static void
say_nothing (void *data, virErrorPtr error)
{
}

static gboolean
start_libvirt (GError **error)
{
  g_autoptr (Refusal) refusal = NULL;

  virSetErrorFunc (NULL, say_nothing);
  /* Nor are its warnings for our terminal, unless somebody wants them. */
  g_setenv ("LIBVIRT_DEBUG", "4", FALSE);
  if (virInitialize () == 0)
    return TRUE;
  refusal = refusal_last ();
  return refusal_fail (refusal, error, "libvirt does not start");
}

static void
free_machine (gpointer machine)
{
  machine_free (machine);
}

static void
libvirt_close (Backend *backend)
{
  Libvirt *libvirt = (Libvirt *)backend;

  if (libvirt->news != NULL)
    news_stop (libvirt->news);
  connection_free (libvirt->connection);
  if (libvirt->news != NULL)
    news_free (libvirt->news);
  g_hash_table_unref (libvirt->machines);
  g_strfreev (libvirt->names);
  abilities_clear (&libvirt->abilities);
  lock_clear (&libvirt->lock);
  g_free (libvirt);
}

static Backend *
libvirt_open (const char *uri, const BackendOptions *options, GError **error)
{
  Libvirt *libvirt;

  if (!start_libvirt (error))
    return NULL;
  libvirt = g_new0 (Libvirt, 1);
  libvirt->backend.ops = &libvirt_ops;
  libvirt->poll_seconds = options->poll_seconds;
  libvirt->files = (HostFiles){ host_files_are_here (uri), options->allow };
  libvirt->opened = seconds_now ();
  libvirt->machines = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_machine);
  lock_init (&libvirt->lock);
  abilities_init (&libvirt->abilities);
  libvirt->connection = connection_new (
      uri, options->read_only,
      &(ConnectionHooks){
          .opened = on_opened, .closing = on_closing, .lost = on_lost, .data = libvirt });
  if (connection_try (libvirt->connection, error))
    return &libvirt->backend;
  libvirt_close (&libvirt->backend);
  return NULL;
}

/* -------------------------------------------------------------------- domains */

Machine *
libvirt_machine (Libvirt *libvirt, const char *name)
{
  autolock held = lock_hold (&libvirt->lock);
  Machine *machine = g_hash_table_lookup (libvirt->machines, name);

  if (machine == NULL) {
    machine = machine_new (name);
    g_hash_table_insert (libvirt->machines, (gpointer)machine_name (machine), machine);
  }
  return machine;
}

Machine *
libvirt_known_machine (Libvirt *libvirt, const char *name)
{
  autolock held = lock_hold (&libvirt->lock);

  return g_hash_table_lookup (libvirt->machines, name);
}

Machine *
libvirt_find_machine (Libvirt *libvirt, const char *name, GError **error)
{
  Machine *machine = libvirt_known_machine (libvirt, name);
  g_auto (Handle) handle = { 0 };

  if (machine != NULL || !handle_open (&handle, libvirt, name, error))
    return machine;
  return libvirt_machine (libvirt, name);
}

GPtrArray *
libvirt_machines (Libvirt *libvirt)
{
  autolock held = lock_hold (&libvirt->lock);
  GPtrArray *machines = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer machine;

  g_hash_table_iter_init (&iter, libvirt->machines);
  while (g_hash_table_iter_next (&iter, NULL, &machine))
    g_ptr_array_add (machines, machine);
  return machines;
}

static int
compare_names (gconstpointer one, gconstpointer other)
{
  return strcmp (*(const char *const *)one, *(const char *const *)other);
}

/* Keeps what the list says of each. */
static GStrv
take_list (Libvirt *libvirt, virDomainPtr *domains, int count)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  char uuid[VIR_UUID_STRING_BUFLEN];

  for (int i = 0; i < count; i++) {
    const char *name = virDomainGetName (domains[i]);

    if (virDomainGetUUIDString (domains[i], uuid) == 0)
      machine_set_uuid (libvirt_machine (libvirt, name), uuid);
    g_ptr_array_add (names, g_strdup (name));
    virDomainFree (domains[i]);
  }
  free (domains);
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (GStrv)g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

GStrv
libvirt_list (Libvirt *libvirt, gboolean *changed, GError **error)
{
  virConnectPtr link = connection_use (libvirt->connection, error);
  virDomainPtr *domains = NULL;
  GStrv names = NULL;
  int count;

  if (link == NULL)
    return NULL;
  count = virConnectListAllDomains (link, &domains, 0);
  if (count >= 0)
    names = take_list (libvirt, domains, count);
  else
    connection_fail (libvirt->connection, link, error, "cannot list the domains");
  connection_done (link);
  if (names != NULL) {
    autolock held = lock_hold (&libvirt->lock);

    if (changed != NULL)
      *changed = libvirt->names != NULL &&
                 !g_strv_equal ((const char *const *)libvirt->names, (const char *const *)names);
    g_strfreev (libvirt->names);
    libvirt->names = g_strdupv (names);
  }
  return names;
}

static GStrv
libvirt_list_domains (Backend *backend, GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;
  g_autoptr (GError) problem = NULL;
  GStrv names = libvirt_list (libvirt, NULL, &problem);

  if (names == NULL && g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_UNREACHABLE)) {
    autolock held = lock_hold (&libvirt->lock);

    names = g_strdupv (libvirt->names);
  }
  if (names == NULL)
    g_propagate_error (error, g_steal_pointer (&problem));
  return names;
}

static char *
libvirt_domain_uuid (Backend *backend, const char *name)
{
  Machine *machine = libvirt_known_machine ((Libvirt *)backend, name);

  return machine == NULL ? NULL : machine_uuid (machine);
}

static Domain *
libvirt_get_domain (Backend *backend, const char *name, GError **error)
{
  return picture_get ((Libvirt *)backend, name, error);
}

/* Without a connection the last picture is all that there is. */
static Domain *
libvirt_peek_domain (Backend *backend, const char *name)
{
  Libvirt *libvirt = (Libvirt *)backend;
  Machine *machine = libvirt_known_machine (libvirt, name);
  gboolean good = FALSE;
  Domain *picture = machine == NULL ? NULL : machine_picture (machine, &good);

  if (picture == NULL || good || connection_is_lost (libvirt->connection))
    return picture;
  domain_unref (picture);
  return NULL;
}

/* -------------------------------------------------------------------- all the rest */

void
libvirt_tell (Libvirt *libvirt, const char *domain)
{
  if (libvirt->news != NULL)
    news_tell (libvirt->news, domain);
}

static gboolean
libvirt_watch (Backend *backend, BackendChanged changed, gpointer data, GError **error)
{
  Libvirt *libvirt = (Libvirt *)backend;

  libvirt->news = news_new (libvirt, changed, data, error);
  if (libvirt->news == NULL)
    return FALSE;
  connection_is_kept (libvirt->connection);
  news_start (libvirt->news);
  return TRUE;
}

static char *
libvirt_stats (Backend *backend)
{
  Libvirt *libvirt = (Libvirt *)backend;
  g_autoptr (GPtrArray) machines = libvirt_machines (libvirt);
  g_autofree char *since = connection_lost_since (libvirt->connection);
  guint domains = 0, snapshots = 0;

  for (guint i = 0; i < machines->len; i++) {
    g_autoptr (Domain) picture = machine_picture (g_ptr_array_index (machines, i), NULL);

    domains += picture != NULL ? 1 : 0;
    snapshots += picture != NULL ? domain_count (picture) : 0;
  }
  return g_strdup_printf ("uri: %s\nconnected: %s%s\ndomains: %u\nsnapshots: %u\n",
                          connection_uri (libvirt->connection),
                          since == NULL ? "yes" : "no, since ", since == NULL ? "" : since, domains,
                          snapshots);
}

const BackendOps libvirt_ops = {
  .scheme = "libvirt",
  .whole_uri = TRUE,
  .open = libvirt_open,
  .close = libvirt_close,
  .list_domains = libvirt_list_domains,
  .domain_uuid = libvirt_domain_uuid,
  .get_domain = libvirt_get_domain,
  .peek_domain = libvirt_peek_domain,
  .create = order_create,
  .redefine = order_redefine,
  .discard = order_discard,
  .revert = order_revert,
  .set_current = order_current,
  .describe = order_describe,
  .secure_xml = secrets_show,
  .merge = merge_run,
  .open_disk = host_disks_open,
  .measure_disk = host_disks_measure,
  .run_state = handle_run_state,
  .watch = libvirt_watch,
  .stats = libvirt_stats,
};
