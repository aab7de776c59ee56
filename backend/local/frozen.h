#pragma once
#include "places.h"
#include "records.h"

/* What the records say of frozen images, as places and in order. */

/* Of its mode; a frozen image has none of them. */
#define WRITE_BITS 0222

/* Whether @name is one of a frozen image, whatever its format; *@raw: that is raw. */
gboolean frozen_is_name (const char *name, gboolean *raw);

/* The bytes that a guest sees of the frozen image that is open as @fd; DAMAGED: it is none. */
gboolean frozen_size (int fd, gboolean raw, guint64 *size, GError **error);

/* Takes the right to write away from @name; a power cut does not give it back. */
gboolean frozen_protect (int directory, const char *name, GError **error);

char *frozen_path (const Places *places, const RecordImage *image); /* absolute; g_free it */

/* Of Record (borrowed), the oldest first; the uuid decides within a second. */
GPtrArray *frozen_by_age (const Records *records);
void frozen_sort_by_age (GPtrArray *records);
/* That order, as strcmp tells it. */
int frozen_compare_age (gint64 created, const char *uuid, gint64 other_created, const char *other);
