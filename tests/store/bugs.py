"""Mistakes that somebody could make in the store, each of which a random history must catch, or what
CATCHERS says.

A bug is its name and its edits: a file, what stands there exactly once, and what it becomes.
"""
PLAN = "backend/plan.c"
REARRANGE = "backend/local/rearrange.c"

BUGS = {
    "the children of a discarded snapshot are not moved": [
        (PLAN, "if (mode == DISCARD_KEEP_CHILDREN || mode == DISCARD_METADATA_ONLY)",
         "if (mode == DISCARD_METADATA_ONLY)"),
    ],
    "nobody inherits from the current one": [
        (PLAN, "  else\n    remove_one (plan, snapshot, snapshot->parent);",
         "  else\n    remove_one (plan, snapshot, NULL);"),
    ],
    "the parent of a merge keeps its own images": [
        (REARRANGE, "  record_take_images (parent, from);\n", ""),
    ],
    "the active image is not linked to its frozen name": [
        ("backend/local/apply.c", "if (what == ABSENT && !name_frozen (disk, frozen, error))",
         "if (what == FOREIGN && !name_frozen (disk, frozen, error))"),
    ],
    "an image is dropped that a copy has, too": [
        ("backend/local/records-table.c", "if (records_name (records, image) || !g_hash_table_add",
         "if (!g_hash_table_add"),
        ("backend/local/tidy-images.c",
         "if (records_name_image (tidying->records, spare->file))",
         "if (FALSE)"),
    ],
    "every disk is reverted to the first one's image": [
        ("backend/local/revert.c",
         "const RecordImage *image = record_find_image (record, target);",
         "const RecordImage *image = g_ptr_array_index (record->images, 0);"),
    ],
    "an image is folded into one of the two that read it": [
        ("backend/local/spare.c", "    return NULL;\n  return frozen ? other : one;",
         "    return one;\n  return frozen ? other : one;"),
    ],
    "renaming drops the description": [
        ("backend/local/edit.c", "  record->name = free_name;\n",
         "  record->name = free_name;\n  g_clear_pointer (&record->description, g_free);\n"),
    ],
    "the journal lists the first disk only": [
        ("backend/local/commit.c",
         "for (guint i = 0; i < change->disks->len; i++)\n    if (!add_disk (",
         "for (guint i = 0; i < MIN (change->disks->len, 1); i++)\n    if (!add_disk ("),
    ],
    "what is held can be discarded": [
        (PLAN, "if (!snapshot->held)", "if (snapshot->held || !snapshot->held)"),
    ],
    "which one is current is in memory only": [
        ("backend/local/change.c",
         "change->records->current = g_strdup (id);\n  change->head = TRUE;",
         "change->records->current = g_strdup (id);\n  change->head |= !id;"),
    ],
    "the records of what was discarded stay": [
        ("backend/local/apply.c", "if (unlinkat (records, file, 0) < 0 && errno != ENOENT)",
         "if (faccessat (records, file, F_OK, 0) < 0 && errno != ENOENT)"),
    ],
    # Disks that are snapshotted by clones.
    "a clone is of the first disk": [
        ("backend/local/method-btrfs.c", "fill (change, disk, disk->active, disk->copy, error)",
         "fill (change, disk, ((ChangeDisk *)change->disks->pdata[0])->active, disk->copy, error)"),
    ],
    "a revert brings back a clone of the present state": [
        ("backend/local/method-btrfs.c", "fill (change, disk, frozen, disk->overlay, error)",
         "fill (change, disk, disk->active, disk->overlay, error)"),
    ],
    # Whose snapshots are in other storage.
    "nobody knows of what is elsewhere before it is named": [
        ("backend/local/elsewhere.c", "if (disk->elsewhere)\n      g_ptr_array_add",
         "if (!disk->freeze)\n      g_ptr_array_add"),
    ],
    "what is elsewhere is forgotten and not removed": [
        ("backend/local/elsewhere.c",
         "return storage_remove (image->method->storage, places, &asked, records, job, error);",
         "return asked.image != NULL;"),
    ],
    # Whose machine runs.
    "the overlays get the paths without the guest being paused": [
        ("backend/local/live-nodes.c", "return !take->journal->resume || qmp_do (",
         "return take->journal || qmp_do ("),
    ],
    "a running machine keeps the active path for the frozen image": [
        ("backend/local/live-nodes.c", "return is_opened_as (top->below, disk->frozen) ?",
         "return is_opened_as (top->below, disk->frozen) || disk ?"),
    ],
    "a guest is cloned without being paused": [
        ("backend/local/pause.c", "return *ours ? qmp_do (machine->qmp, \"stop\", NULL, QEMU_WORK, error)",
         "return *ours ? TRUE"),
    ],
    "what is recorded may get to the disk later": [
        ("backend/local/sealed.c", "strlen (text)) && fsync (file) == 0;", "strlen (text));"),
    ],
    "what is frozen may be read-only later": [
        ("backend/local/frozen.c", "WRITE_BITS) < 0 || fsync (fd) < 0)", "WRITE_BITS) < 0)"),
    ],
    "a guest that was left paused stays it": [
        ("backend/local/thaw.c", "= pause_left_over (places, records, found, &wrong);",
         "= TRUE || wrong;"),
    ],
}

# What catches those that no history of plain qcow2 disks can meet: a test, its arguments, and whether it
# needs a file system that clones files.
CLONES = ("store/histories", ["--disks", "raw"], True)
EXEC = ("store/histories", ["--disks", "exec-mixed"], False)
EXEC_KILLS = ("store/kills", ["--disks", "exec", "--every", "1", "--few", "60", "create, flat, 1 disk"], False)
LIVE = ("live/takes", [], False)
LIVE_CLONES = ("live/clones", [], True)
LIVE_CUTS = ("live/powercuts", ["--count", "24"], False)
CATCHERS = {
    "a clone is of the first disk": CLONES,
    "a revert brings back a clone of the present state": CLONES,
    "nobody knows of what is elsewhere before it is named": EXEC_KILLS,
    "what is elsewhere is forgotten and not removed": EXEC,
    "the overlays get the paths without the guest being paused": LIVE,
    "a running machine keeps the active path for the frozen image": LIVE,
    "a guest is cloned without being paused": LIVE_CLONES,
    "what is recorded may get to the disk later": LIVE_CUTS,
    "what is frozen may be read-only later": LIVE_CUTS,
    "a guest that was left paused stays it": LIVE_CLONES,
}
