#pragma once
#include "tree.h"

/* The functions that the table's rows name, by subject.  What each may answer
 * is said at its field of NodeKind. */

/* members.c: what directories list */
gboolean list_domains (const Place *dir, Listing *listing, GError **error);
gboolean find_domain (const Place *dir, const char *file_name, Place *child, GError **error);
gboolean list_children (const Place *dir, Listing *listing, GError **error);
gboolean find_child (const Place *dir, const char *file_name, Place *child, GError **error);
gboolean list_snapshots (const Place *dir, Listing *listing, GError **error);
gboolean find_snapshot (const Place *dir, const char *file_name, Place *child, GError **error);

/* disks.c: what is in `disks` */
gboolean list_disks (const Place *dir, Listing *listing, GError **error);
gboolean find_disk_file (const Place *dir, const char *file_name, Place *child, GError **error);
gboolean has_disk_xml (const Place *place);
gboolean is_readable (const Place *place);
gboolean measure_frozen (const Place *place, DiskMeasure *measure, GError **error);
gboolean has_disk_method (const Place *place);
Text *show_disk_method (const Place *place, GError **error);
gboolean take_disk_method (const Place *place, char **words, const Text *document, Job *job,
                           GError **error);
gboolean is_at_rest (const Place *place);
gboolean measure_live (const Place *place, DiskMeasure *measure, GError **error);

/* disk-snapshots.c: what is in a disk's own directory */
gboolean has_disk_directory (const Place *place);
gboolean lists_disk_directory (const Place *place);
gboolean list_disk_snapshots (const Place *dir, Listing *listing, GError **error);
gboolean find_disk_snapshot (const Place *dir, const char *file_name, Place *child, GError **error);
char *make_disk_snapshot (const Place *dir, const char *name, Job *job, GError **error);
gboolean has_backup_source (const Place *place);
Text *show_backup_source (const Place *place, GError **error);
gboolean has_modified_disk (const Place *place);
Text *show_modified_disk (const Place *place, GError **error);

/* changes.c: what changing calls do */
char *make_snapshot (const Place *dir, const char *name, Job *job, GError **error);
char *make_anywhere (const Place *dir, const char *name, Job *job, GError **error);
gboolean drop_snapshot (const Place *place, Job *job, GError **error);
gboolean rename_snapshot (const Place *place, const char *name, Job *job, GError **error);
gboolean edit_description (const Place *place, const char *text, Job *job, GError **error);
/* NOT_PERMITTED with the option discard=no. */
gboolean discard_allowed (const Place *place, GError **error);

/* commands.c: what control files do */
gboolean has_data (const Place *place);
Text *usage_revert (const Place *place);
gboolean store_revert (const Place *place, char **words, Job *job, GError **error);
gboolean can_merge (const Place *place);
Text *usage_merge (const Place *place);
gboolean store_merge (const Place *place, char **words, Job *job, GError **error);
Text *usage_discard (const Place *place);
gboolean store_discard (const Place *place, char **words, Job *job, GError **error);
gboolean can_be_current (const Place *place);
Text *usage_current (const Place *place);
gboolean store_current (const Place *place, char **words, Job *job, GError **error);
Text *usage_hold (const Place *place);
gboolean store_hold (const Place *place, char **words, Job *job, GError **error);
gboolean store_jobs (const Place *place, char **words, Job *job, GError **error);

/* create.c: what documents do */
Text *usage_create (const Place *place);
gboolean take_create (const Place *place, char **words, const Text *document, Job *job,
                      GError **error);
gboolean take_snapshot_xml (const Place *place, char **words, const Text *document, Job *job,
                            GError **error);

/* orphans.c */
gboolean list_orphans (const Place *dir, Listing *listing, GError **error);
gboolean find_orphan (const Place *dir, const char *file_name, Place *child, GError **error);
gboolean drop_orphan (const Place *place, Job *job, GError **error);
Text *show_orphan_xml (const Place *place, GError **error);

/* show.c: what texts say */
gboolean may_show_secrets (const Place *place);
Text *show_secure_xml (const Place *place, GError **error);
gboolean has_domain_xml (const Place *place);
Text *show_domain_xml (const Place *place, GError **error);
gboolean has_snapshot_xml (const Place *place);
Text *show_snapshot_xml (const Place *place, GError **error);
Text *show_description (const Place *place, GError **error);
Text *show_disk_xml (const Place *place, GError **error);
Text *show_version (const Place *place, GError **error);
Text *show_backend (const Place *place, GError **error);
Text *show_stats (const Place *place, GError **error);
Text *show_error (const Place *place, GError **error);
Text *show_jobs (const Place *place, GError **error);
gboolean has_current (const Place *place);
char *target_current (const Place *place, GError **error);

/* info.c */
Text *show_domain_info (const Place *place, GError **error);
Text *show_snapshot_info (const Place *place, GError **error);
Text *show_disk_snapshot_info (const Place *place, GError **error);
Text *show_orphan_info (const Place *place, GError **error);
