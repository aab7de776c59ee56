/* What the tree looks like: one row for each kind of file.
 *
 * Everything that depends on a row is read from here: lookup, readdir, modes,
 * what may be written, the usage texts and the manual's list.  A new file is
 * one row and one function (rows.h). */
#include "tree.h"

#include "rows.h"

#define DIRECTORY (S_IFDIR | 0550)
#define WRITABLE (S_IFDIR | 0750)
#define TEXT (S_IFREG | 0440)
#define SECRET (S_IFREG | 0400)
#define DISK (S_IFREG | 0440)
#define EDITABLE (S_IFREG | 0640)
#define COMMAND (S_IFREG | 0640)
#define LINK (S_IFLNK | 0777)

/* clang-format off */
static const NodeKind disk_kind = {
  .role = "disk.xml", .pattern = "TARGET.xml", .suffix = ".xml", .mode = TEXT,
  .present = has_disk_xml, .show = show_disk_xml
};

static const NodeKind frozen_disk_kind = {
  .role = "disk.raw", .pattern = "TARGET.raw", .suffix = ".raw", .mode = DISK,
  .present = is_readable, .measure = measure_frozen
};

static const NodeKind live_disk_kind = {
  .role = "disk.raw", .pattern = "TARGET.raw", .suffix = ".raw", .mode = DISK, .changes = TRUE,
  .present = is_at_rest, .measure = measure_live
};

static const NodeKind disk_method_kind = {
  .role = "disk.method", .pattern = "TARGET.method", .suffix = ".method", .verb = "method",
  .mode = EDITABLE, .needs = CAN_METHOD, .changes = TRUE, .words = "qemu|btrfs|reflink|lvm|zfs|exec|default",
  .present = has_disk_method, .show = show_disk_method, .take = take_disk_method
};

static const NodeKind snapshot_control[] = {
  { .name = "current", .mode = COMMAND, .present = can_be_current,
    .words = "1|0", .usage = usage_current, .store = store_current },
  { .name = "discard", .mode = COMMAND, .needs = CAN_DISCARD,
    .words = "1|keep-children|force|children-only|metadata-only",
    .usage = usage_discard, .store = store_discard },
  { .name = "hold", .mode = COMMAND, .needs = CAN_HOLD,
    .words = "1|0", .usage = usage_hold, .store = store_hold },
  { .name = "merge", .mode = COMMAND, .present = can_merge,
    .words = "parent|children [force]", .usage = usage_merge, .store = store_merge },
  { .name = "revert", .mode = COMMAND, .needs = CAN_REVERT, .present = has_data,
    .words = "1|[save NAME] [running|paused] [force] [reset-nvram]",
    .usage = usage_revert, .store = store_revert },
  { .name = "secure.xml", .mode = SECRET, .unlisted = TRUE, .changes = TRUE, .secret = TRUE,
    .needs = CAN_SECURE, .present = may_show_secrets, .show = show_secure_xml },
  { 0 }
};

static const NodeKind snapshot_rows[] = {
  { .name = "snapshot.xml", .verb = "redefine", .mode = EDITABLE, .write_needs = CAN_REDEFINE,
    .present = has_snapshot_xml, .show = show_snapshot_xml, .take = take_snapshot_xml },
  { .name = "domain.xml", .mode = TEXT, .present = has_domain_xml, .show = show_domain_xml },
  { .name = "description", .verb = "describe", .mode = EDITABLE, .write_needs = CAN_DESCRIBE,
    .show = show_description, .edit = edit_description },
  { .name = "info", .mode = TEXT, .changes = TRUE, .show = show_snapshot_info },
  { .name = "disks", .mode = DIRECTORY,
    .list = list_disks, .find = find_disk_file, .member = &disk_kind, .beside = { &frozen_disk_kind } },
  { .name = "control", .mode = DIRECTORY, .rows = snapshot_control },
  { 0 }
};

static const NodeKind snapshot_kind = {
  .role = "snapshot", .pattern = "SNAPSHOT", .mode = WRITABLE, .rows = snapshot_rows,
  .list = list_children, .find = find_child, .member = &snapshot_kind,
  .make = make_snapshot, .drop = drop_snapshot, .rename = rename_snapshot
};

/* Everything but the children, so that a long chain is one level deep. */
static const NodeKind flat_snapshot_kind = {
  .role = "snapshot", .pattern = "SNAPSHOT", .mode = WRITABLE, .flat = TRUE,
  .rows = snapshot_rows, .drop = drop_snapshot, .rename = rename_snapshot
};

static const NodeKind disk_snapshot_control[] = {
  { .name = "discard", .of_disk = TRUE, .mode = COMMAND, .needs = CAN_DISCARD,
    .words = "1", .usage = usage_discard, .store = store_discard },
  { .name = "hold", .of_disk = TRUE, .mode = COMMAND, .needs = CAN_HOLD,
    .words = "1|0", .usage = usage_hold, .store = store_hold },
  { .name = "merge", .of_disk = TRUE, .mode = COMMAND, .needs = CAN_MERGE_CHILDREN,
    .words = "children", .usage = usage_merge, .store = store_merge },
  { 0 }
};

static const NodeKind disk_snapshot_rows[] = {
  { .name = "backup-source.xml", .of_disk = TRUE, .mode = TEXT, .present = has_backup_source,
    .show = show_backup_source },
  { .name = "modified-disk.xml", .of_disk = TRUE, .mode = TEXT, .changes = TRUE, .present = has_modified_disk,
    .show = show_modified_disk },
  { .name = "info", .of_disk = TRUE, .mode = TEXT, .changes = TRUE, .show = show_disk_snapshot_info },
  { .name = "control", .of_disk = TRUE, .mode = DIRECTORY, .rows = disk_snapshot_control },
  { 0 }
};

static const NodeKind disk_snapshot_kind = {
  .role = "disk-snapshot", .pattern = "NAME", .mode = WRITABLE, .rows = disk_snapshot_rows,
  .list = list_disks, .find = find_disk_file, .member = &frozen_disk_kind,
  .drop = drop_snapshot, .rename = rename_snapshot
};

const NodeKind disk_directory_kind = {
  .role = "disk", .pattern = "TARGET", .suffix = "", .mode = WRITABLE, .present = has_disk_directory,
  .list = list_disk_snapshots, .find = find_disk_snapshot, .member = &disk_snapshot_kind,
  .make = make_disk_snapshot
};

static const NodeKind domain_control[] = {
  { .name = "create", .mode = COMMAND, .needs = CAN_CREATE,
    .words = "[NAME] [--description TEXT] [--parent NAME] [--from NAME] [--disk TARGET] [--disk-only] [--quiesce[=required]] "
             "[--atomic] [--live] [--halt] [--no-metadata] [--reuse-external] [--memspec SPEC] "
             "[--diskspec SPEC]... [--compress METHOD] [--method METHOD] [--redefine] [--current] "
             "[--validate] [-]",
    .usage = usage_create, .take = take_create },
  { .name = "error", .mode = TEXT, .changes = TRUE, .show = show_error },
  { .name = "jobs", .mode = COMMAND, .changes = TRUE, .quick = TRUE,
    .words = "cancel ID", .show = show_jobs, .store = store_jobs },
  { 0 }
};

static const NodeKind domain_rows[] = {
  { .name = "domain.xml", .mode = TEXT, .present = has_domain_xml, .show = show_domain_xml },
  { .name = "info", .mode = TEXT, .changes = TRUE, .show = show_domain_info },
  { .name = "current", .mode = LINK, .changes = TRUE, .present = has_current,
    .target = target_current },
  { .name = "disks", .mode = DIRECTORY,
    .list = list_disks, .find = find_disk_file, .member = &disk_kind,
    .beside = { &live_disk_kind, &disk_method_kind, &disk_directory_kind } },
  { .name = "control", .mode = DIRECTORY, .rows = domain_control },
  { .name = ".snapshots", .mode = WRITABLE, .unlisted = TRUE, .flat = TRUE,
    .list = list_snapshots, .find = find_snapshot, .member = &flat_snapshot_kind,
    .make = make_anywhere },
  { 0 }
};

static const NodeKind domain_kind = {
  .role = "domain", .pattern = "DOMAIN", .mode = WRITABLE, .rows = domain_rows,
  .list = list_children, .find = find_child, .member = &snapshot_kind, .make = make_snapshot
};

static const NodeKind orphan_rows[] = {
  { .name = "info", .mode = TEXT, .changes = TRUE, .orphan = TRUE, .show = show_orphan_info },
  { .name = "snapshots.xml", .mode = TEXT, .changes = TRUE, .orphan = TRUE,
    .show = show_orphan_xml },
  { 0 }
};

static const NodeKind orphan_kind = {
  .role = "orphan", .pattern = "UUID", .mode = DIRECTORY, .changes = TRUE, .orphan = TRUE,
  .rows = orphan_rows, .drop = drop_orphan
};

static const NodeKind about_rows[] = {
  { .name = "version", .mode = TEXT, .show = show_version },
  { .name = "backend", .mode = TEXT, .show = show_backend },
  { .name = "stats", .mode = TEXT, .changes = TRUE, .show = show_stats },
  { .name = "orphans", .mode = WRITABLE, .changes = TRUE,
    .list = list_orphans, .find = find_orphan, .member = &orphan_kind },
  { 0 }
};

static const NodeKind root_rows[] = {
  { .name = ".vmsnapfs", .mode = DIRECTORY, .unlisted = TRUE, .rows = about_rows },
  { 0 }
};

const NodeKind root_kind = {
  .role = "root", .pattern = "MNT", .mode = DIRECTORY, .rows = root_rows,
  .list = list_domains, .find = find_domain, .member = &domain_kind
};
/* clang-format on */

BackendCan
row_can (const Place *place)
{
  BackendCan can = place->domain != NULL ? place->domain->can : 0;

  if (place->snapshot != NULL)
    can &= place->snapshot->can;
  return place->mount->options->discard ? can : can & ~(BackendCan)CAN_DISCARD;
}

gboolean
row_present (const Place *place)
{
  const NodeKind *row = place->kind;

  if ((row->needs & ~row_can (place)) != 0)
    return FALSE;
  return row->present == NULL || row->present (place);
}

gboolean
row_writable (const Place *place)
{
  const NodeKind *row = place->kind;

  return (row->edit != NULL || row->store != NULL || row->take != NULL) &&
         (row->write_needs & ~row_can (place)) == 0;
}

/* Prints @kind and what is in it; a kind that is its own member is printed once. */
static void
print_rows (const NodeKind *kind, const char *directory)
{
  g_autofree char *path = g_strconcat (directory, directory[0] != '\0' ? "/" : "",
                                       kind->name != NULL ? kind->name : kind->pattern, NULL);

  g_print ("%s %04o%s%s\n", path, (guint)kind->mode & 07777, kind->words != NULL ? " " : "",
           kind->words != NULL ? kind->words : "");
  for (const NodeKind *row = kind->rows; row != NULL && row->name != NULL; row++)
    print_rows (row, path);
  if (kind->member != NULL && kind->member != kind)
    print_rows (kind->member, path);
  for (const NodeKind *const *beside = kind->beside; *beside != NULL; beside++)
    print_rows (*beside, path);
}

void
tree_print_rows (void)
{
  print_rows (&root_kind, "");
}
