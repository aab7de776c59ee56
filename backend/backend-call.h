#pragma once
#include "backend.h"

/* What every call into a backend's table has in common; for backend.c and backend-change.c. */
void backend_log_call (const Backend *backend, const char *verb, const char *domain,
                       const char *object);

/* The callee's duty, and handing its error to the caller. */
void backend_hand_over (gboolean succeeded, GError *failure, GError **error);
