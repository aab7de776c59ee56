#pragma once
#include <glib.h>

/* The <domainsnapshot> @text as one of the domain that has @uuid: in <domain> and <inactiveDomain>
 * this uuid stands in place of theirs, also where <sysinfo> repeats it.  Everything else stays as
 * it is, but for white space between elements.  Free with g_free. */
char *adopt (const char *text, const char *uuid, GError **error);
