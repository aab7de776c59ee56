/* For how long the kernel may believe what a lookup says. */
#include "../../fs/attr.h"
#include "../../fs/tree.h"
#include "../testing.h"

#define HOUR 3600.0

typedef struct {
  Options options;
  Mount mount;
  Domain *picture;
  Place place; /* the domain's directory */
} Fixture;

static int
setup (void **state)
{
  Fixture *fixture = g_new0 (Fixture, 1);

  fixture->mount = (Mount){ .options = &fixture->options,
                            .nodes = nodes_new (&root_kind),
                            .timeout = HOUR,
                            .notifier = (struct Notifier *)fixture }; /* that there is one */
  fixture->picture = domain_new ("web", "7e5a9e4c-6f0e-4a4e-8c9b-0d7a4f0a4a11");
  domain_seal (fixture->picture, g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_unref));
  fixture->place = (Place){ .mount = &fixture->mount,
                            .kind = root_kind.member,
                            .domain = fixture->picture,
                            .owner = nodes_owner (fixture->mount.nodes, fixture->picture->name,
                                                  fixture->picture->uuid) };
  *state = fixture;
  return 0;
}

static int
teardown (void **state)
{
  Fixture *fixture = *state;

  nodes_free (fixture->mount.nodes);
  domain_unref (fixture->picture);
  g_free (fixture);
  return 0;
}

static double
look_up (const Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  struct fuse_entry_param entry;

  assert_true (attr_entry (&fixture->place, &entry, &error));
  assert_no_error (error);
  assert_true (entry.attr_timeout == entry.entry_timeout);
  return entry.entry_timeout;
}

static void
what_will_be_taken_back_is_believed (void **state)
{
  const Fixture *fixture = *state;

  nodes_show (fixture->mount.nodes, fixture->place.owner, fixture->picture);
  assert_true (look_up (fixture) == HOUR);
}

static void
what_was_compared_before_the_node_was_known_is_not (void **state)
{
  const Fixture *fixture = *state;
  g_autoptr (Domain) now = domain_new ("web", fixture->picture->uuid);

  domain_seal (now, g_ptr_array_new_with_free_func ((GDestroyNotify)snapshot_unref));
  nodes_show (fixture->mount.nodes, fixture->place.owner, fixture->picture);
  g_ptr_array_unref (nodes_take_shown (fixture->mount.nodes, fixture->place.owner, now));
  assert_true (look_up (fixture) == 0);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown (what_will_be_taken_back_is_believed, setup, teardown),
    cmocka_unit_test_setup_teardown (what_was_compared_before_the_node_was_known_is_not, setup,
                                     teardown),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
