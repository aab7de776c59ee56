#pragma once
/* A store of its own for each test: a scratch directory and its places. */
#include "../../backend/local/places.h"
#include "images.h"

typedef struct {
  char *directory;
  Places *places;
} Store;

static inline int
make_store (void **state)
{
  Store *store = g_new0 (Store, 1);
  store->directory = images_directory ();
  store->places = places_open (store->directory, NULL, NULL);
  *state = store;
  return 0;
}

static inline int
remove_store (void **state)
{
  Store *store = *state;
  places_close (store->places);
  images_remove (store->directory);
  g_free (store);
  return 0;
}
