#pragma once
#include "../model.h"
#include "../threads.h"
#include <libvirt/libvirt.h>

/* What the driver behind the connection can do, which is the same for all of its domains: learnt
 * from what it refuses, and only where nothing harmless could be tried from its kind.  Any thread.
 */
typedef struct {
  Lock lock;
  gboolean asked;       /* protected by lock, as is the rest */
  gboolean create;      /* it takes snapshots at all */
  guint create_unknown; /* virDomainSnapshotCreateFlags that it does not know */
  guint revert_unknown; /* virDomainSnapshotRevertFlags */
  guint delete_unknown; /* virDomainSnapshotDeleteFlags */
  gboolean old_lists;   /* it lacks the calls that list all in one */
  gboolean no_commit;   /* it merges no images */
  gboolean no_secrets;  /* it has no XML with passwords, or not for us */
} Abilities;

void abilities_init (Abilities *abilities);
void abilities_clear (Abilities *abilities);

/* Asks, once for each connection; nothing is changed by it. */
void abilities_learn (Abilities *abilities, virDomainPtr domain);
/* It may be another driver now, or a newer one. */
void abilities_forget (Abilities *abilities);

BackendCan abilities_can (Abilities *abilities);
/* Whether creating knows @flag. */
gboolean abilities_knows_create (Abilities *abilities, guint flag);

/* What calls found out; TRUE: that is news. */
gboolean abilities_note_unknown_revert (Abilities *abilities, guint flags);
gboolean abilities_note_unknown_delete (Abilities *abilities, guint flags);
void abilities_note_no_secrets (Abilities *abilities);
gboolean abilities_has_old_lists (Abilities *abilities);
void abilities_note_old_lists (Abilities *abilities);
