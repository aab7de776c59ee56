#pragma once
#include "change.h"
#include "records.h"

/* Images that storage which is not ours keeps (storage.h), as records speak of them. */

/* Opens one for reading; arguments and errors as of storage_open, but DAMAGED when it is not there.
 */
int elsewhere_open (const Places *places, const RecordImage *image, char **path, GError **error);

/* Whether its storage can be asked at all; runs nothing.  UNSUPPORTED, DENIED, and what opening a
 * device may fail with. */
gboolean elsewhere_can_be_asked (const Places *places, const RecordImage *image, GError **error);

/* Where it was when it was made, for people; absolute, free with g_free. */
char *elsewhere_path (const Places *places, const RecordImage *image);

/* Removes it; @records: the directory of the records that knew it. */
gboolean elsewhere_remove (const Places *places, const RecordImage *image, int records, Job *job,
                           GError **error);

/* Has it brought back to the disk at the absolute path @disk: what the image says of one may have
 * come from anywhere.  @held, @job: as of Storage.  *@refused: nothing was done. */
gboolean elsewhere_bring_back (const Places *places, const RecordImage *image, const char *disk,
                               int held, int records, Job *job, gboolean *refused, GError **error);

/* Whether what is open as @fd is as @image was; DAMAGED. */
gboolean elsewhere_check (const Places *places, const RecordImage *image, int fd, GError **error);

gboolean elsewhere_has_any (const Change *change);

/* Before the first of them is made the head says of all that @change is to have elsewhere that they
 * are unnamed: what is interrupted, or given up, is tidied. */
gboolean elsewhere_list (Change *change, GError **error);

/* Makes what the state of @disk becomes.  The records that the change will write are to be prepared
 * once more: the head is not what it was, and they say now where each is. */
gboolean elsewhere_make (Change *change, ChangeDisk *disk, GError **error);
