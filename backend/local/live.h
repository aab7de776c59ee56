#pragma once
#include "records.h"
#include "scan.h"

/* Adds the disks of @found to the picture @domain that is being made, with what there is to say of
 * them; @records may be NULL. */
void live_disks_add (const Places *places, const LocalDomain *found, const Records *records,
                     Domain *domain);
