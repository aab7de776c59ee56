#pragma once
#include "../qcow2/reader.h"
#include "places.h"

/* Policies of which files the image reader may open: only what is below @places, and no symbolic
 * link. */

/* For reading: each file is locked as QEMU would, so that until the reader is closed no program
 * begins to write to it.  BUSY when one does already. */
ImageOpener opener_for_reading (const Places *places);

/* The same where a raw disk may be a block device: in other storage (storage.h), and of itself. */
ImageOpener opener_for_storage (const Places *places);

/* For a look, without locks. */
ImageOpener opener_for_checking (const Places *places);
