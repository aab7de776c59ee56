#pragma once
#include "scan.h"

/* Sees by inotify what others change in the store: images and descriptions that come, go or are
 * closed after writing.  Gathers for a moment, then calls back once. */
typedef struct Watch Watch;

/* @changed is called from the watch's own thread, no lock held; it is expected to scan the store
 * and then to call watch_directories with what it found. */
Watch *watch_start (const Places *places, void (*changed) (gpointer data), gpointer data,
                    GError **error);
void watch_directories (Watch *watch, const GPtrArray *domains); /* of LocalDomain */
void watch_stop (Watch *watch); /* waits for the thread; no call comes afterwards */
