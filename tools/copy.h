#pragma once
#include "../backend/disk-reader.h"

/* Writes @length bytes of a disk from @offset on to the descriptor @to.  Where that is a regular
 * file with nothing behind its position, holes stay holes. */
gboolean copy_disk (DiskReader *reader, guint64 offset, guint64 length, int to, GError **error);
