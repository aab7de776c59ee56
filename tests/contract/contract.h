#pragma once
#include "../testing.h"

#include "../../backend/backend.h"

/* The contract of backend.h as tests, run on every backend.
 *
 * A backend to be tested says how a place with one domain (one disk with data and holes, no
 * snapshots) is made, opened and removed.  Each test gets a fresh place. */
typedef struct Contract Contract;

typedef struct {
  const char *domain;
  const char *state;     /* that the machine is in, and so its snapshots; NULL: "shutoff" */
  const char *several;   /* a domain with two disks and no snapshots; NULL: there is none */
  gboolean keeps;        /* what was done is still there after it was closed and opened again */
  gboolean names_in_xml; /* what XML cannot carry is INVALID in a name */
  gboolean lacks_flags;  /* of creating, some are UNSUPPORTED */
  gboolean solid;        /* its disks have no holes that could be asked for */
  gboolean has_all;      /* so that every test is asked somewhere */
  const char *const *patterns; /* of the names of the tests that are asked; NULL: all */
  gpointer (*make) (void);
  Backend *(*open) (gpointer place, const BackendOptions *options, GError **error);
  void (*clean) (gpointer place); /* also after a failure; the backend is closed */
  /* As if the machine wrote to @disk: it holds other bytes, the same ones for the same @byte and
   * the same ones before.  NULL: nobody can read disks, nor know whether a snapshot has data. */
  void (*change_disk) (Contract *contract, const Disk *disk, guchar byte);
} ContractBackend;

/* Every test of the suite; what main returns. */
int contract_run (const ContractBackend *kind);

/* The *state of a test. */
struct Contract {
  const ContractBackend *kind;
  gpointer place;
  Backend *backend;
  const char *domain;
};

/* asked.c: which tests are asked of a backend. */

/* What a test may need besides what a domain `can`. */
typedef enum {
  WHERE_READABLE = 1 << 0, /* somebody can read disks */
  WHERE_SEVERAL = 1 << 1,  /* there is a domain with several disks */
  WHERE_KEPT = 1 << 2,     /* what was done is still there after reopening */
  WHERE_WATCHED = 1 << 3,  /* changes are told */
  WHERE_OFF = 1 << 4,      /* no machine has memory that could be saved */
  WHERE_HOLES = 1 << 5,    /* disks have holes that can be asked for */
} ContractWhere;

typedef struct {
  struct CMUnitTest test;
  BackendCan can;
  ContractWhere where;
} ContractTest;

/* A test that needs nothing, one that needs a domain that can do all of these, and one that is
 * asked only where all of these hold; and one that needs both.  What lacks something is refused
 * there: see abilities.c. */
#define contract_test(function) contract_test_all (function, 0, 0)
#define contract_test_with(function, can) contract_test_all (function, can, 0)
#define contract_test_where(function, where) contract_test_all (function, 0, where)
#define contract_test_all(function, can, where)                                                    \
  {                                                                                                \
    cmocka_unit_test_setup_teardown (function, contract_setup, contract_teardown), can, where      \
  }

/* Looks at what the backend under test has. */
void contract_find_out (void);
/* Runs those of an array of tests that it has all for, and says which it has not; the number of
 * failures. */
#define contract_ask(name, tests) contract_ask_some (name, tests, G_N_ELEMENTS (tests))
int contract_ask_some (const char *name, const ContractTest *tests, gsize count);
/* The tests that were not asked of a backend that has all. */
int contract_count_wrongly_left_out (const ContractBackend *kind);

/* The parts of the suite: each the number of its failures. */
int contract_reading (void);
int contract_bytes (void);
int contract_readers (void);
int contract_changes (void);
int contract_creating (void);
int contract_discarding (void);
int contract_merging (void);
int contract_reverting (void);
int contract_redefining (void);
int contract_abilities (void);
int contract_names (void);
int contract_parallel (void);
int contract_disks (void);
int contract_disk_snapshots (void);
int contract_reopening (void);
int contract_scripts (void);   /* only of the memory backend */
int contract_preloaded (void); /* only of the libvirt backend */

int contract_setup (void **state);
int contract_teardown (void **state);

/* Closes the backend and opens the same place again. */
void contract_reopen (Contract *contract, const BackendOptions *options);

/* Whether its domain can do all of these. */
gboolean contract_can (Contract *contract, BackendCan can);
/* The state of its machine. */
const char *contract_state (const Contract *contract);

/* The calls with a job of their own. */
char *contract_create (Contract *contract, const CreateOptions *options, GError **error);
gboolean contract_discard (Contract *contract, const char *id, GError **error);
gboolean contract_discard_as (Contract *contract, const char *id, DiscardMode mode, GError **error);
gboolean contract_merge (Contract *contract, const char *id, MergeInto into, gboolean force,
                         GError **error);
gboolean contract_revert (Contract *contract, const char *id, GError **error);
gboolean contract_revert_as (Contract *contract, const char *id, const RevertOptions *options,
                             GError **error);
gboolean contract_set_current (Contract *contract, const char *id, GError **error);
gboolean contract_hold (Contract *contract, const char *id, gboolean held, GError **error);
gboolean contract_describe (Contract *contract, const char *id, const char *text, GError **error);
gboolean contract_rename (Contract *contract, const char *id, const char *name, GError **error);
char *contract_redefine (Contract *contract, const char *document, const RedefineOptions *options,
                         GError **error);

/* A snapshot under the current one; it must succeed.  Free with g_free. */
char *contract_take (Contract *contract, const char *name);
Domain *contract_look (Contract *contract);
void contract_assert_current (Contract *contract, const char *id);
void contract_assert_parent (Contract *contract, const char *id, const char *parent);
void contract_assert_count (Contract *contract, guint count);

/* trees.c: trees as text.  "a(b(c) d*)": a has the children b and d, c is b's, and d is current.
 * Names are letters, siblings stand in alphabetical order. */

/* Takes such a tree, with other bytes in each; at last the machine writes once more. */
void contract_grow (Contract *contract, const char *tree);
void contract_assert_tree (Contract *contract, const char *tree);
/* Discards all snapshots, held or not. */
void contract_clear (Contract *contract);
/* The snapshot of this name, which must be there.  Free with g_free. */
char *contract_id (Contract *contract, const char *name);

/* The target of the first disk, and a reader of it, which must be one. */
char *contract_target (Contract *contract);
DiskReader *contract_open (Contract *contract, const char *snapshot);

/* The bytes of all disks. */
gboolean contract_hash_disk (DiskReader *reader, guint64 *hash);
guint64 contract_hash (Contract *contract, const char *id); /* NULL: as they are now */
void contract_change (Contract *contract, guchar byte);

/* Those of all snapshots, by the first letter of their names, and of the machine. */
typedef struct {
  guint64 hash[128];
  guint64 live;
} Bytes;
Bytes contract_remember (Contract *contract);
/* All that are there now hold what they held. */
void contract_assert_bytes (Contract *contract, const Bytes *bytes);
