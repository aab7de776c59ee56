#pragma once
/* Images that name one another, and who is asked about that. */
#include "../../backend/local/references.h"
#include "place.h"

static inline GPtrArray *
readers_in (const Asking *asking, const Store *store, const char *file, GError **error)
{
  g_autofree char *path = g_build_filename (store->directory, file, NULL);
  return references_to (asking, path, error);
}

static inline void
overlay (const Store *store, const char *file, const char *backing)
{
  images_run (store->directory, "qemu-img create -q -f qcow2 -u -b '%s' -F qcow2 %s 1M", backing,
              file);
}

static inline guint
readers_of (const Store *store, const char *file, gboolean trusting)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) domains = scan_store (store->places, NULL);
  const Asking asking = { .places = store->places, .domains = domains, .trusting = trusting };
  g_autoptr (GPtrArray) found = readers_in (&asking, store, file, &error);
  if (error)
    fail_msg ("%s", error->message);
  return found ? found->len : 0;
}

/* A frozen image that is asked, and remembered, as a reader of a.qcow2. */
static inline void
remember_frozen (const Store *store)
{
  images_run (store->directory, "qemu-img create -q -f qcow2 a.qcow2 1M && cp a.qcow2 b.qcow2");
  overlay (store, ".vmsnapfs-1.qcow2", "a.qcow2");
  images_run (store->directory, "chmod a-w .vmsnapfs-1.qcow2 && sleep 0.2");
  assert_int_equal (readers_of (store, "a.qcow2", TRUE), 1);
}

/* Root writes to what has no write bits, too. */
#define REBASE "qemu-img rebase -u -f qcow2 -F qcow2 -b b.qcow2 "

#define store_test(function) cmocka_unit_test_setup_teardown (function, make_store, remove_store)
