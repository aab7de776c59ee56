#pragma once
#include "header.h"

/* Decompresses one cluster: exactly @size bytes, whatever may follow in @from.  FALSE: it is
 * damaged. */
gboolean inflate_cluster (Compression method, const guint8 *from, gsize length, guint8 *to,
                          gsize size);
