#pragma once
#include <glib.h>

/* A <domainsnapshots> document: the <domainsnapshot> documents of one domain, parents first, and
 * which of them is current. */
typedef struct {
  char *text; /* the <domainsnapshot>, byte for byte */
  char *name;
  char *parent; /* NULL: a root */
  char *uuid;   /* the domain's, as it stands there; NULL: not said */
} HierarchySnapshot;

typedef struct {
  char *current;        /* NULL: none */
  GPtrArray *snapshots; /* of HierarchySnapshot; those in the document come after their parents */
} Hierarchy;

/* INVALID: it is not well-formed, a snapshot is more than xml_parse takes, lacks a name, has the
 * name of another or descends from itself, or the current one is not among them. */
Hierarchy *hierarchy_parse (const char *text, gsize length, GError **error);
void hierarchy_free (Hierarchy *hierarchy);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Hierarchy, hierarchy_free)

HierarchySnapshot *hierarchy_snapshot_parse (const char *text, gsize length, GError **error);
void hierarchy_snapshot_free (HierarchySnapshot *snapshot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HierarchySnapshot, hierarchy_snapshot_free)

/* What a document begins with, up to the first snapshot, and ends with.  Free with g_free. */
char *hierarchy_start (const char *current);
#define HIERARCHY_END "</domainsnapshots>\n"
