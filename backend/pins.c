/* Pins: a list of who reads what.
 *
 * There are as many as there are open disks, so a list that is searched is enough.  A pin is made
 * before the disk is opened.  Then a removal either sees it, or began before it; and a reader that
 * is opened meanwhile fails or reads the right bytes, as backend.h promises of every reader. */
#include "pins.h"

#include "error.h"
#include "threads.h"

#include <string.h>

struct Pin {
  gconstpointer owner;
  char *domain;
  char *snapshot;
  char *target;
};

/* What a caller of backend_open_disk gets for a snapshot. */
typedef struct {
  DiskReader reader;
  DiskReader *inner;
  Pin *pin;
} PinnedReader;

static Lock lock = LOCK_INIT;
static GPtrArray *pins; /* of Pin; NULL: none; protected by lock */

Pin *
pin_new (gconstpointer owner, const char *domain, const char *snapshot, const char *target)
{
  Pin *pin = g_new0 (Pin, 1);
  autolock held = lock_hold (&lock);

  pin->owner = owner;
  pin->domain = g_strdup (domain);
  pin->snapshot = g_strdup (snapshot);
  pin->target = g_strdup (target);
  if (pins == NULL)
    pins = g_ptr_array_new ();
  g_ptr_array_add (pins, pin);
  return pin;
}

static void
take_out (Pin *pin)
{
  autolock held = lock_hold (&lock);

  g_ptr_array_remove_fast (pins, pin);
  if (pins->len == 0)
    g_clear_pointer (&pins, g_ptr_array_unref);
}

void
pin_free (Pin *pin)
{
  if (pin == NULL)
    return;
  take_out (pin);
  g_free (pin->domain);
  g_free (pin->snapshot);
  g_free (pin->target);
  g_free (pin);
}

gboolean
pins_allow (gconstpointer owner, const char *domain, const char *snapshot, GError **error)
{
  autolock held = lock_hold (&lock);

  for (guint i = 0; pins != NULL && i < pins->len; i++) {
    const Pin *pin = g_ptr_array_index (pins, i);

    if (pin->owner == owner && strcmp (pin->domain, domain) == 0 &&
        strcmp (pin->snapshot, snapshot) == 0)
      return fail (error, BACKEND_ERROR_BUSY, "disk %s of this snapshot is open for reading",
                   pin->target);
  }
  return TRUE;
}

static gboolean
pinned_read (DiskReader *reader, void *buffer, gsize count, guint64 offset, gboolean wait,
             GError **error)
{
  DiskReader *inner = ((PinnedReader *)reader)->inner;

  return inner->ops->read (inner, buffer, count, offset, wait, error);
}

static gboolean
pinned_extent (DiskReader *reader, guint64 offset, gboolean wait, Extent *extent, GError **error)
{
  return disk_reader_extent (((PinnedReader *)reader)->inner, offset, wait, extent, error);
}

/* The snapshot may be removed only when nothing reads it any more. */
static void
pinned_close (DiskReader *reader)
{
  PinnedReader *pinned = (PinnedReader *)reader;

  disk_reader_close (pinned->inner);
  pin_free (pinned->pin);
  g_free (pinned);
}

static const DiskReaderOps pinned_ops = { .read = pinned_read,
                                          .extent = pinned_extent,
                                          .close = pinned_close };

DiskReader *
pin_reader (Pin *pin, DiskReader *reader)
{
  PinnedReader *pinned = g_new0 (PinnedReader, 1);

  pinned->reader.ops = &pinned_ops;
  pinned->reader.size = reader->size;
  pinned->inner = reader;
  pinned->pin = pin;
  return &pinned->reader;
}
