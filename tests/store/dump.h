#pragma once
#include "../../backend/backend.h"

/* What a domain is at the moment, as one line of JSON: its tree, and of every disk that it has and
 * had its size and the SHA-256 of all its bytes, which are read as a filesystem would read them.
 * Without @bytes the disks are left out.  Free with g_free. */
char *dump_domain (Backend *backend, const char *name, gboolean bytes, GError **error);
