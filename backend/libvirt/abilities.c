/* What a driver can do, found out without doing it.
 *
 * Every driver looks at the flags first and then at the document.  So it is asked to create from a
 * document that is none, with all flags at once: its refusal names those that it does not know, and
 * nothing can come of it.  Reverting and deleting have no such harmless question: there kinds of
 * drivers have a table, for others everything is believed until a refusal says otherwise. */
#include "abilities.h"

#include "refusal.h"

#include <string.h>

#define NO_DOCUMENT "<none/>"

/* Those that do not exclude each other, in two questions. */
#define RECORDING                                                                                  \
  (VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT |                      \
   VIR_DOMAIN_SNAPSHOT_CREATE_VALIDATE)
#define TAKING                                                                                     \
  (VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_HALT |                      \
   VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT |                   \
   VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC |                        \
   VIR_DOMAIN_SNAPSHOT_CREATE_LIVE)

#define RESET_NVRAM (1 << 3)      /* VIR_DOMAIN_SNAPSHOT_REVERT_RESET_NVRAM, since 8.1 */
#define RESET_NVRAM_SINCE 8001000 /* as virConnectGetLibVersion has it */
#define RUNNING_OR_PAUSED (VIR_DOMAIN_SNAPSHOT_REVERT_RUNNING | VIR_DOMAIN_SNAPSHOT_REVERT_PAUSED)

/* From the sources of libvirt 9.0; virConnectGetType's words. */
static const struct {
  const char *type;
  guint revert_unknown;
  guint delete_unknown;
} kinds[] = {
  { "QEMU", 0, 0 },
  { "TEST", RESET_NVRAM, VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY },
  { "ESX", RUNNING_OR_PAUSED | RESET_NVRAM, VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY },
  { "VBOX", RUNNING_OR_PAUSED | RESET_NVRAM, VIR_DOMAIN_SNAPSHOT_DELETE_CHILDREN_ONLY },
};

void
abilities_init (Abilities *abilities)
{
  *abilities = (Abilities){ .create = TRUE };
  lock_init (&abilities->lock);
}

void
abilities_clear (Abilities *abilities)
{
  lock_clear (&abilities->lock);
}

void
abilities_forget (Abilities *abilities)
{
  autolock held = lock_hold (&abilities->lock);

  abilities->asked = FALSE;
  abilities->create = TRUE;
  abilities->create_unknown = 0;
  abilities->old_lists = FALSE;
  abilities->no_secrets = FALSE;
  abilities->no_commit = FALSE;
}

/* -------------------------------------------------------------------- asking */

/* *@unknown: those of @flags that it does not know.  FALSE: it takes no snapshots. */
static gboolean
ask_create (virDomainPtr domain, guint flags, guint *unknown)
{
  virDomainSnapshotPtr made = virDomainSnapshotCreateXML (domain, NO_DOCUMENT, flags);
  g_autoptr (Refusal) refusal = NULL;

  if (made != NULL) {
    virDomainSnapshotFree (made);
    return TRUE;
  }
  refusal = refusal_last ();
  *unknown |= refusal_unknown_flags (refusal) & flags;
  return !refusal_is_no_support (refusal);
}

static void
look_up_kind (virConnectPtr link, guint *revert_unknown, guint *delete_unknown)
{
  const char *type = virConnectGetType (link);
  unsigned long version = 0;

  for (gsize i = 0; type != NULL && i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (kinds[i].type, type) == 0) {
      *revert_unknown = kinds[i].revert_unknown;
      *delete_unknown = kinds[i].delete_unknown;
    }
  if (virConnectGetLibVersion (link, &version) < 0 || version < RESET_NVRAM_SINCE)
    *revert_unknown |= RESET_NVRAM;
}

/* *@no_secrets: FALSE where there is no snapshot to ask about, too. */
static void
ask_secrets (virDomainPtr domain, gboolean *no_secrets)
{
  virDomainSnapshotPtr current = virDomainSnapshotCurrent (domain, 0);
  char *xml;

  if (current == NULL)
    return;
  xml = virDomainSnapshotGetXMLDesc (current, VIR_DOMAIN_SNAPSHOT_XML_SECURE);
  *no_secrets = xml == NULL;
  free (xml);
  virDomainSnapshotFree (current);
}

/* Of a disk that no machine has. */
static gboolean
ask_commit (virDomainPtr domain)
{
  g_autoptr (Refusal) refusal = NULL;

  if (virDomainBlockCommit (domain, "no-such-disk", NULL, NULL, 0, 0) == 0)
    return TRUE;
  refusal = refusal_last ();
  return !refusal_is_no_support (refusal);
}

void
abilities_learn (Abilities *abilities, virDomainPtr domain)
{
  guint create_unknown = 0, revert_unknown = 0, delete_unknown = 0;
  gboolean create, commit, no_secrets = FALSE;

  {
    autolock held = lock_hold (&abilities->lock);

    if (abilities->asked)
      return;
  }
  create = ask_create (domain, RECORDING, &create_unknown) &&
           ask_create (domain, TAKING, &create_unknown);
  look_up_kind (virDomainGetConnect (domain), &revert_unknown, &delete_unknown);
  commit = ask_commit (domain);
  ask_secrets (domain, &no_secrets);
  {
    autolock held = lock_hold (&abilities->lock);

    abilities->asked = TRUE;
    abilities->create = create;
    abilities->create_unknown = create_unknown;
    abilities->revert_unknown |= revert_unknown;
    abilities->delete_unknown |= delete_unknown;
    abilities->no_secrets = no_secrets;
    abilities->no_commit = !commit;
  }
}

/* -------------------------------------------------------------------- telling */

gboolean
abilities_knows_create (Abilities *abilities, guint flag)
{
  autolock held = lock_hold (&abilities->lock);

  return (abilities->create_unknown & flag) == 0;
}

BackendCan
abilities_can (Abilities *abilities)
{
  autolock held = lock_hold (&abilities->lock);
  const struct {
    guint unknown;
    BackendCan can;
  } rows[] = {
    { abilities->create_unknown & VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE,
      CAN_REDEFINE | CAN_DESCRIBE },
    { abilities->create_unknown &
          (VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE | VIR_DOMAIN_SNAPSHOT_CREATE_CURRENT),
      CAN_CURRENT },
    { (abilities->create_unknown & VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA) |
          (abilities->delete_unknown & VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY),
      CAN_FORGET },
    { abilities->create_unknown & VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY, CAN_DISK_IN_TREE },
    { abilities->create_unknown & VIR_DOMAIN_SNAPSHOT_CREATE_LIVE, CAN_LIVE },
    { abilities->create_unknown & VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT, CAN_REUSE },
    { abilities->revert_unknown & RUNNING_OR_PAUSED, CAN_RUN },
    { abilities->revert_unknown & RESET_NVRAM, CAN_RESET_NVRAM },
    { abilities->no_secrets, CAN_SECURE },
    { abilities->no_commit, CAN_MERGE_PARENT | CAN_MERGE_CHILDREN },
  };
  BackendCan can = CAN_CREATE | CAN_DISCARD | CAN_REVERT | CAN_SAVE;

  if (!abilities->create)
    return 0;
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    if (!rows[i].unknown)
      can |= rows[i].can;
  return can;
}

/* With the lock held. */
static gboolean
note (guint *unknown, guint flags)
{
  gboolean is_news = (flags & ~*unknown) != 0;

  *unknown |= flags;
  return is_news;
}

gboolean
abilities_note_unknown_revert (Abilities *abilities, guint flags)
{
  autolock held = lock_hold (&abilities->lock);

  return note (&abilities->revert_unknown, flags);
}

gboolean
abilities_note_unknown_delete (Abilities *abilities, guint flags)
{
  autolock held = lock_hold (&abilities->lock);

  return note (&abilities->delete_unknown, flags);
}

void
abilities_note_no_secrets (Abilities *abilities)
{
  autolock held = lock_hold (&abilities->lock);

  abilities->no_secrets = TRUE;
}

gboolean
abilities_has_old_lists (Abilities *abilities)
{
  autolock held = lock_hold (&abilities->lock);

  return abilities->old_lists;
}

void
abilities_note_old_lists (Abilities *abilities)
{
  autolock held = lock_hold (&abilities->lock);

  abilities->old_lists = TRUE;
}
