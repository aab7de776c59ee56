/* What is known of one domain.
 *
 * Two numbers keep readers honest: what is wanted goes up with every news, and a picture is good
 * only if it was begun after the last of them.  So a change that happens while a picture is loaded
 * is never lost: the next reader loads again. */
#include "machine.h"

#include "../error.h"
#include "../text.h"

struct Machine {
  char *name;
  Ids *ids; /* of whoever loads */

  Lock lock;
  Condition settled;
  Domain *picture;   /* protected by lock; NULL: never loaded, or gone */
  char *uuid;        /* protected by lock; NULL: not known */
  guint wanted;      /* protected by lock; news so far */
  guint good;        /* protected by lock; the news that the picture knows of */
  guint loads;       /* protected by lock */
  gboolean loading;  /* protected by lock; somebody is */
  gboolean changing; /* protected by lock; somebody is */
  gboolean anew;     /* protected by lock; for the next load, as is: */
  GHashTable *dirty; /* set of char *; protected by lock */
};

static GHashTable *
new_set (void)
{
  return g_hash_table_new_full (id_hash, g_str_equal, g_free, NULL);
}

Machine *
machine_new (const char *name)
{
  Machine *machine = g_new0 (Machine, 1);

  machine->name = g_strdup (name);
  machine->ids = ids_new ();
  lock_init (&machine->lock);
  machine->settled = (Condition)CONDITION_INIT;
  machine->wanted = 1;
  machine->dirty = new_set ();
  return machine;
}

void
machine_free (Machine *machine)
{
  domain_unref (machine->picture);
  ids_free (machine->ids);
  g_hash_table_unref (machine->dirty);
  lock_clear (&machine->lock);
  g_free (machine->uuid);
  g_free (machine->name);
  g_free (machine);
}

const char *
machine_name (const Machine *machine)
{
  return machine->name;
}

void
machine_set_uuid (Machine *machine, const char *uuid)
{
  autolock held = lock_hold (&machine->lock);

  if (g_strcmp0 (machine->uuid, uuid) == 0)
    return;
  /* Another domain of the name. */
  if (machine->uuid != NULL) {
    machine->anew = TRUE;
    machine->wanted++;
  }
  g_free (machine->uuid);
  machine->uuid = g_strdup (uuid);
}

char *
machine_uuid (Machine *machine)
{
  autolock held = lock_hold (&machine->lock);

  return g_strdup (machine->uuid);
}

Domain *
machine_picture (Machine *machine, gboolean *good)
{
  autolock held = lock_hold (&machine->lock);

  if (good != NULL)
    *good = machine->good == machine->wanted;
  return machine->picture == NULL ? NULL : domain_ref (machine->picture);
}

void
machine_touch (Machine *machine, const char *snapshot, gboolean anew)
{
  autolock held = lock_hold (&machine->lock);

  machine->wanted++;
  machine->anew = machine->anew || anew;
  if (snapshot != NULL)
    g_hash_table_add (machine->dirty, g_strdup (snapshot));
}

/* -------------------------------------------------------------------- loading */

/* With the lock held, while nobody loads. */
static void
begin (Machine *machine, Load *load)
{
  machine->loading = TRUE;
  *load = (Load){ .before = machine->picture != NULL ? domain_ref (machine->picture) : NULL,
                  .anew = machine->anew,
                  .dirty = machine->dirty,
                  .number = machine->loads++,
                  .wanted = machine->wanted };
  machine->anew = FALSE;
  machine->dirty = new_set ();
}

gboolean
machine_begin_load (Machine *machine, Load *load, Domain **picture)
{
  autolock held = lock_hold (&machine->lock);

  for (;;) {
    if (machine->picture != NULL && machine->good == machine->wanted) {
      *picture = domain_ref (machine->picture);
      return FALSE;
    }
    if (!machine->loading)
      break;
    condition_wait (&machine->settled, &held);
  }
  begin (machine, load);
  return TRUE;
}

void
machine_begin_look (Machine *machine, Load *load)
{
  autolock held = lock_hold (&machine->lock);

  while (machine->loading)
    condition_wait (&machine->settled, &held);
  begin (machine, load);
}

/* With the lock held: the next load has to know what this one knew. */
static void
give_back (Machine *machine, const Load *load)
{
  GHashTableIter iter;
  gpointer id;

  machine->anew = machine->anew || load->anew;
  g_hash_table_iter_init (&iter, load->dirty);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    g_hash_table_add (machine->dirty, g_strdup (id));
}

void
machine_loaded (Machine *machine, Load *load, Domain *picture, gboolean gone)
{
  g_autoptr (Domain) old = NULL;

  {
    autolock held = lock_hold (&machine->lock);

    machine->loading = FALSE;
    if (picture != NULL || gone) {
      old = machine->picture;
      machine->picture = picture;
      machine->good = load->wanted;
      g_free (machine->uuid);
      machine->uuid = picture != NULL ? g_strdup (picture->uuid) : NULL;
    } else {
      give_back (machine, load);
    }
    condition_signal_all (&machine->settled);
  }
  domain_unref (load->before);
  g_hash_table_unref (load->dirty);
}

Ids *
machine_ids (Machine *machine)
{
  return machine->ids;
}

/* -------------------------------------------------------------------- without a connection */

static void
unref_snapshot (gpointer snapshot)
{
  snapshot_unref (snapshot);
}

static GPtrArray *
share_snapshots (const Domain *domain)
{
  const GPtrArray *all = domain_snapshots (domain);
  GPtrArray *shared = g_ptr_array_new_full (all->len, unref_snapshot);

  for (guint i = 0; i < all->len; i++)
    g_ptr_array_add (shared, snapshot_ref (g_ptr_array_index (all, i)));
  return shared;
}

static Domain *
copy_with_note (const Domain *domain, const char *note)
{
  Domain *copy = domain_new (domain->name, domain->uuid);

  copy->current = g_strdup (domain->current);
  copy->problem = g_strdup (domain->problem);
  copy->changed = domain->changed;
  copy->can = domain->can;
  copy->xml = text_ref (domain->xml);
  for (guint i = 0; i < domain->disks->len; i++)
    g_ptr_array_add (copy->disks, disk_copy (g_ptr_array_index (domain->disks, i)));
  g_ptr_array_add (copy->notes, g_strdup (note));
  domain_seal (copy, share_snapshots (domain));
  return copy;
}

void
machine_note_stale (Machine *machine, const char *note)
{
  g_autoptr (Domain) old = machine_picture (machine, NULL);
  g_autoptr (Domain) copy = old == NULL ? NULL : copy_with_note (old, note);
  autolock held = lock_hold (&machine->lock);

  /* One that was loaded meanwhile is on its way to being replaced as well. */
  if (copy == NULL || machine->picture != old)
    return;
  domain_unref (machine->picture);
  machine->picture = g_steal_pointer (&copy);
}

/* -------------------------------------------------------------------- changing */

gboolean
machine_begin_change (Machine *machine, GError **error)
{
  autolock held = lock_hold (&machine->lock);

  if (machine->changing)
    return fail (error, BACKEND_ERROR_BUSY, "another operation on %s is running", machine->name);
  machine->changing = TRUE;
  return TRUE;
}

void
machine_end_change (Machine *machine)
{
  autolock held = lock_hold (&machine->lock);

  machine->changing = FALSE;
}
