#pragma once
#include "../model.h"
#include "records.h"
#include "scan.h"

/* The picture of one domain from what the directory says and what the records say, and the
 * snapshots that are inside its images (the active ones, the frozen and the unnamed ones): as roots
 * after the records' own, location internal, metadata no, id "i:TARGET:ID:TAG", mark the ID.  On
 * several disks a tag that is unique in each is one snapshot.
 *
 * @before: the picture that this one follows, and @shown the records (uuid -> Record) that it was
 * made of; snapshots that are the same are shared with it.  NULL: there is none.
 * @frozen: why the guest's file systems may be frozen; NULL: they are not.
 * What is wrong with an image or a description becomes the domain's problem or a note, never an
 * error. */
Domain *picture_build (const Places *places, const LocalDomain *domain, const Records *records,
                       const Domain *before, const Table *shown, const char *frozen);

/* FALSE also where that cannot be found out; TRUE for a @domain that is gone (NULL). */
gboolean picture_is_off (const Places *places, const LocalDomain *domain);

/* "running" when somebody holds QEMU's lock for writing on a disk, else "shutoff". */
char *picture_run_state (const Places *places, const LocalDomain *domain, GError **error);
