#pragma once
#include "cache.h"
#include "image.h"

/* Compressed clusters, decompressed once for everybody and, for who reads on and on, ahead. */

/* The decompressed cluster whose at most @stored bytes begin at @host; a reference.  NULL without
 * an error: it would have to wait. */
Block *cluster_get (Image *image, guint64 host, guint32 stored, gboolean wait, GError **error);

/* Somebody will want it soon; only between cluster_ahead_begin and _end, which start and stop the
 * threads that do it. */
void cluster_ahead (Image *image, guint64 host, guint32 stored);
void cluster_ahead_begin (void);
void cluster_ahead_end (void);
