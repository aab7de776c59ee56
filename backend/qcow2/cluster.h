#pragma once
#include "cache.h"
#include "image.h"

/* Compressed clusters, decompressed once for everybody and, for who reads on and on, ahead. */

/* The decompressed cluster whose at most @stored bytes begin at @host; a reference.  NULL without
 * an error: it would have to wait. */
Block *cluster_get (Image *image, guint64 host, guint32 stored, gboolean wait, GError **error);

/* Somebody will want it soon: it is decompressed by a thread of its own.  FALSE: too many wait for
 * that already. */
gboolean cluster_ahead (Image *image, guint64 host, guint32 stored);
