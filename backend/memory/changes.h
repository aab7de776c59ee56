#pragma once
#include "../backend.h"

/* The functions of the table that change a domain. */
char *memory_create (Backend *backend, const char *domain, const CreateOptions *options, Job *job,
                     GError **error);
char *memory_redefine (Backend *backend, const char *domain, const SnapshotDescription *description,
                       const RedefineOptions *options, Job *job, GError **error);
gboolean memory_discard (Backend *backend, const char *domain, const char *snapshot,
                         DiscardMode mode, Job *job, GError **error);
gboolean memory_merge (Backend *backend, const char *domain, const char *snapshot, MergeInto into,
                       gboolean force, Job *job, GError **error);
gboolean memory_revert (Backend *backend, const char *domain, const char *snapshot,
                        const RevertOptions *options, Job *job, GError **error);
gboolean memory_set_current (Backend *backend, const char *domain, const char *snapshot,
                             const char *instead_of, Job *job, GError **error);
gboolean memory_hold (Backend *backend, const char *domain, const char *snapshot, gboolean held,
                      Job *job, GError **error);
gboolean memory_describe (Backend *backend, const char *domain, const char *snapshot,
                          const char *text, Job *job, GError **error);
gboolean memory_rename (Backend *backend, const char *domain, const char *snapshot,
                        const char *name, Job *job, GError **error);
