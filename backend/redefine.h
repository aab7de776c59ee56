#pragma once
#include "backend.h"

/* The snapshot that a redefinition makes of @domain's: a changed copy of the one that is there, or
 * a new one without data, in no picture yet and without `xml`.  It keeps the images of the old one
 * (`disks`), and `can` says for a new one what is possible without data.
 *
 * The rules are libvirt's (virDomainSnapshotRedefinePrep and -Validate,
 * virDomainMomentCheckCycles): INVALID without name, time or a state of libvirt's schema; for a
 * parent that is not there, is the snapshot itself or descends from it; for the uuid of another
 * domain; for a change from or to "disk-snapshot", or from or to one of "running" and "paused";
 * for disks and memory that could not be created, either.
 * NOT_FOUND when options->snapshot is gone.  A document without the whole <domain> is enough, also
 * for a new one; one that is there keeps what it has then.  UNSUPPORTED for a snapshot without
 * CAN_REDEFINE. */
Snapshot *redefine_snapshot (const Domain *domain, const SnapshotDescription *description,
                             const RedefineOptions *options, GError **error);
