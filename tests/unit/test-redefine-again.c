/* Documents of our own go through a redefinition and come out as they were. */
#include "redefine-domain.h"

#include <string.h>

static char *
write_xml (const Domain *domain, const Snapshot *snapshot)
{
  const Snapshot *parent =
      snapshot->parent != NULL ? domain_snapshot (domain, snapshot->parent) : NULL;
  GError *error = NULL;
  char *text =
      xml_domainsnapshot (snapshot, parent != NULL ? parent->name : NULL, domain->uuid, &error);

  assert_no_error (error);
  return text;
}

/* @text redefines the snapshot, or a new one, which is written as @text again. */
static void
assert_comes_back (const Domain *domain, const char *text, gboolean careful)
{
  GError *error = NULL;
  g_autoptr (SnapshotDescription) description =
      snapshot_description_parse (text, strlen (text), &error);
  RedefineOptions options = { .careful = careful };
  g_autoptr (Snapshot) snapshot = NULL;
  g_autofree char *again = NULL;

  assert_no_error (error);
  snapshot = redefine_snapshot (domain, description, &options, &error);
  assert_no_error (error);
  again = write_xml (domain, snapshot);
  assert_text (again, text);
}

static void
every_snapshot_comes_back_as_it_was (void **state)
{
  g_autoptr (Domain) domain = make_domain ();
  g_autoptr (Domain) elsewhere = domain_new ("web02", UUID);
  GPtrArray *snapshots = g_ptr_array_new_with_free_func (unref_snapshot);
  const GPtrArray *all = domain_snapshots (domain);

  elsewhere->can = CAN_EVERYTHING;
  g_ptr_array_add (snapshots, make_snapshot ("other", NULL, "shutoff"));
  domain_seal (elsewhere, snapshots);
  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);
    g_autofree char *text = write_xml (domain, snapshot);

    if ((snapshot->can & CAN_REDEFINE) != 0)
      assert_comes_back (domain, text, TRUE);
    if (snapshot->parent == NULL)
      assert_comes_back (elsewhere, text, FALSE);
  }
}

/* A picture's texts, and elements of which nothing here knows anything. */
static void
odd_texts_come_back_as_they_were (void **state)
{
  static const char *const odd[] = { "quote\"s & <b>'more'</b> ]]>",
                                     " f\xc3\xbcr \xf0\x9f\x90\xa7 ", "line\nbreak\ttab\rreturn",
                                     "<!-- -->", " " };
  g_autoptr (Domain) domain = make_domain ();

  for (gsize i = 0; i < G_N_ELEMENTS (odd); i++) {
    g_autoptr (Snapshot) snapshot = make_snapshot ("id", "base", "running");
    g_autofree char *text = NULL;

    g_free (snapshot->name);
    snapshot->name = g_strdup (odd[i]);
    g_free (snapshot->description);
    snapshot->description = g_strdup (odd[i]);
    snapshot->kept_xml = text_from_string (
        "<memory snapshot='external' file='/m'/><cookie><cpu mode='custom'> <model>x</model>"
        "</cpu><q:later xmlns:q='urn:q' q:a='1'> mixed <q:b/> </q:later></cookie>"
        "<revertDisks><disk name='vda'/></revertDisks>");
    text = write_xml (domain, snapshot);
    assert_comes_back (domain, text, FALSE);
  }
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (every_snapshot_comes_back_as_it_was),
    cmocka_unit_test (odd_texts_come_back_as_they_were),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
