#pragma once
#include "../model.h"
#include "script.h"

/* The domains that a script asks for, sealed; of Domain, by name.  The same every time, with fixed
 * uuids and times.  The array unrefs them. */
GPtrArray *demo_domains (const Script *script);

/* What is left of domains that are gone: pictures without disks.  The same. */
GPtrArray *demo_orphans (const Script *script);
