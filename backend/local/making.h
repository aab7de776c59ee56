#pragma once
#include "change.h"

/* Parts that several operations are made of. */

/* The record of the snapshot @id; NOT_FOUND, UNSUPPORTED for one inside a disk image. */
Record *making_find_record (const Change *change, const char *id, GError **error);

/* A new record of the present state: to be current, under @parent (an id; NULL: a root). */
Record *making_record (const Change *change, const char *name, const char *description,
                       const char *parent);

/* The same of its disk @target alone. */
Record *making_disk_record (const Change *change, const char *name, const char *description,
                            const char *target);

/* The present state of @disk gets a uuid and becomes @record's, which remembers the @method. */
void making_freeze (Change *change, ChangeDisk *disk, Record *record, const struct Method *method);

/* What @disk holds inside stays readable although it is replaced: it is kept, without a name. */
void making_keep_internal (Change *change, ChangeDisk *disk);

/* The images of @record get along without its name for as long as something is read through them.
 */
void making_unname (Change *change, const Record *record);
/* They are left where they are for ever, although nothing names them. */
void making_keep (Change *change, const Record *record);
/* Takes that back. */
void making_unkeep (Change *change, const Record *record);
