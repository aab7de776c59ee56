#pragma once
#include "store.h"

/* What the contract's changing functions do on the local store (store.md, section 4).  Each
 * refuses before anything is written, and is all or nothing over all disks of the domain. */
char *operation_create (Store *store, const char *domain, const CreateOptions *options, Job *job,
                        GError **error);
gboolean operation_discard (Store *store, const char *domain, const char *snapshot,
                            DiscardMode mode, Job *job, GError **error);
gboolean operation_revert (Store *store, const char *domain, const char *snapshot,
                           const RevertOptions *options, Job *job, GError **error);
gboolean operation_describe (Store *store, const char *domain, const char *snapshot,
                             const char *text, Job *job, GError **error);
gboolean operation_rename (Store *store, const char *domain, const char *snapshot, const char *name,
                           Job *job, GError **error);
