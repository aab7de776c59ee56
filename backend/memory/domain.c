/* A domain in memory.
 *
 * `busy` keeps changes apart without a lock being held while one takes its time; the lock guards
 * the two fields for a moment only.  A picture is made before it is taken. */
#include "domain.h"
#include "../threads.h"

struct MemoryDomain {
  char *name;
  Lock lock;
  Domain *picture; /* protected by lock */
  gboolean busy;   /* protected by lock; a change is being made */
};

MemoryDomain *
memory_domain_new (Domain *picture)
{
  MemoryDomain *domain = g_new0 (MemoryDomain, 1);

  domain->name = g_strdup (picture->name);
  domain->picture = domain_ref (picture);
  lock_init (&domain->lock);
  return domain;
}

void
memory_domain_free (MemoryDomain *domain)
{
  domain_unref (domain->picture);
  lock_clear (&domain->lock);
  g_free (domain->name);
  g_free (domain);
}

const char *
memory_domain_name (const MemoryDomain *domain)
{
  return domain->name;
}

Domain *
memory_domain_picture (MemoryDomain *domain)
{
  autolock held = lock_hold (&domain->lock);

  return domain_ref (domain->picture);
}

gboolean
memory_domain_begin (MemoryDomain *domain, Draft *draft, GError **error)
{
  {
    autolock held = lock_hold (&domain->lock);

    if (domain->busy)
      return fail (error, BACKEND_ERROR_BUSY, "another operation on %s is running", domain->name);
    domain->busy = TRUE;
  }
  {
    /* It stays the picture while this change is the one. */
    g_autoptr (Domain) before = memory_domain_picture (domain);

    draft_begin (draft, before);
  }
  return TRUE;
}

void
memory_domain_end (MemoryDomain *domain, Draft *draft, gboolean publish)
{
  Domain *after = publish ? draft_picture (draft) : NULL;
  g_autoptr (Domain) old = NULL;

  draft_clear (draft);
  {
    autolock held = lock_hold (&domain->lock);

    domain->busy = FALSE;
    if (publish) {
      old = domain->picture;
      domain->picture = after;
    }
  }
}
