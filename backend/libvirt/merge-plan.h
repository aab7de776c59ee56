#pragma once
#include "../plan.h"
#include "layout.h"
#include <libvirt/libvirt.h>

/* What one merge does to the files, and whether it may. */

typedef struct {
  char *name;
  char *xml; /* <domainsnapshot> with passwords */
  Layout *layout;
} MergeSnapshot;

/* For one disk: what @top holds goes into @base; where @top was a snapshot's overlay, @instead is.
 */
typedef struct {
  char *target;
  char *base;
  char *top;
  char *instead; /* NULL: it was only the overlay of who goes */
  gboolean done; /* by an earlier try */
} MergeStep;

typedef struct {
  virDomainPtr domain;         /* borrowed */
  Layout *live;                /* of the running machine */
  GPtrArray *snapshots;        /* of MergeSnapshot */
  const MergeSnapshot *merged; /* who goes */
  const MergeSnapshot
      *takes;       /* the parent whose bytes become the merged one's; NULL: nobody's do */
  GPtrArray *steps; /* of MergeStep */
} MergePlan;

/* Asks libvirt for everything and decides; nothing is changed. */
MergePlan *merge_plan_new (virDomainPtr domain, const Plan *plan, MergeInto into, GError **error);
void merge_plan_free (MergePlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MergePlan, merge_plan_free)

/* The files of the machine as it is now. */
Layout *merge_read_live (virDomainPtr domain, GError **error);
