#pragma once
#include "../testing.h"

#include "../../backend/backend.h"

/* The contract of backend.h as tests, run on every backend.
 *
 * A backend to be tested says how a place with one domain (one disk with data and holes, no
 * snapshots) is made, opened and removed.  Each test gets a fresh place. */
typedef struct {
  const char *domain;
  const char *several; /* a domain with two disks and no snapshots; NULL: there is none */
  gboolean keeps;      /* what was done is still there after it was closed and opened again */
  gpointer (*make) (void);
  Backend *(*open) (gpointer place, const BackendOptions *options, GError **error);
  void (*clean) (gpointer place); /* also after a failure; the backend is closed */
} ContractBackend;

/* Every test of the suite; what main returns. */
int contract_run (const ContractBackend *kind);

/* The *state of a test. */
typedef struct {
  const ContractBackend *kind;
  gpointer place;
  Backend *backend;
  const char *domain;
} Contract;

/* The parts of the suite: each the number of its failures. */
int contract_reading (void);
int contract_bytes (void);
int contract_changes (void);
int contract_names (void);
int contract_parallel (void);
int contract_disks (void);     /* where there is a domain with several disks */
int contract_reopening (void); /* where a backend keeps what was done */

int contract_setup (void **state);
int contract_teardown (void **state);
#define contract_test(function)                                                                    \
  cmocka_unit_test_setup_teardown (function, contract_setup, contract_teardown)

/* Closes the backend and opens the same place again. */
void contract_reopen (Contract *contract, const BackendOptions *options);

/* The calls with a job of their own. */
char *contract_create (Contract *contract, const CreateOptions *options, GError **error);
gboolean contract_discard (Contract *contract, const char *id, GError **error);
gboolean contract_revert (Contract *contract, const char *id, GError **error);
gboolean contract_describe (Contract *contract, const char *id, const char *text, GError **error);
gboolean contract_rename (Contract *contract, const char *id, const char *name, GError **error);

/* A snapshot under the current one; it must succeed.  Free with g_free. */
char *contract_take (Contract *contract, const char *name);
Domain *contract_look (Contract *contract);
void contract_assert_current (Contract *contract, const char *id);
void contract_assert_parent (Contract *contract, const char *id, const char *parent);
void contract_assert_count (Contract *contract, guint count);
