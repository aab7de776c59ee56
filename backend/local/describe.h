#pragma once
#include "scan.h"

/* What a domain.xml says of a domain's identity and disks. */

/* Fills in uuid, problem and disks of @domain from @text, its description in @directory (absolute).
 */
void describe_domain (const Places *places, LocalDomain *domain, const char *directory,
                      const char *text, gsize length);

/* The disk of a domain that is only the image @file in @directory. */
void describe_bare (LocalDomain *domain, const char *directory, const char *file);

/* Adds a sentence to @problem. */
void describe_problem (char **problem, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* @text with U+FFFD for what XML cannot carry: invalid UTF-8, control characters.  Free with
 * g_free. */
char *describe_xml_text (const char *text);
