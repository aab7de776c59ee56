#pragma once
#include "change.h"

/* Waits for what change_compress began, and compares every byte of it. */
gboolean compress_finish (const Change *change, ChangeDisk *disk, GError **error);
