/* Words of commands, of control/create, and of virsh's specs. */
#include "../../fs/create-words.h"
#include "../../fs/specs.h"
#include "../testing.h"

#define EVERYTHING ((BackendCan)~0u)

/* -------------------------------------------------------------------- words by a table */

typedef struct {
  gboolean force;
  char *save;
  char *parent;
  GPtrArray *disks;
  char *name;
} Asked;

static const Word table[] = {
  { "force", NULL, "no matter what", 0, 0, G_STRUCT_OFFSET (Asked, force) },
  { "save", "NAME", "under that name", CAN_SAVE, CAN_RUN, G_STRUCT_OFFSET (Asked, save) },
  { "--parent", "NAME", "below that", 0, 0, G_STRUCT_OFFSET (Asked, parent) },
  { "--disk", "DISK", "that disk", 0, 0, G_STRUCT_OFFSET (Asked, disks), TRUE },
  { 0 },
};

static void
asked_clear (Asked *asked)
{
  g_free (asked->save);
  g_free (asked->parent);
  g_free (asked->name);
  if (asked->disks != NULL)
    g_ptr_array_unref (asked->disks);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Asked, asked_clear)

/* 0, or the code of the refusal plus one. */
static guint
read_text (const char *text, BackendCan can, Asked *asked)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = words_split (text, &error);

  if (words != NULL && words_read (table, can, words, asked, &asked->name, &error)) {
    assert_null (error);
    return 0;
  }
  assert_non_null (error);
  return (guint)error->code + 1;
}

static void
values_follow_their_words (void **state)
{
  g_auto (Asked) asked = { 0 };

  assert_int_equal (
      read_text ("--disk a 'my name' save 'a b' force --parent=x=y --disk=b", EVERYTHING, &asked),
      0);
  assert_true (asked.force);
  assert_string_equal (asked.name, "my name");
  assert_string_equal (asked.save, "a b");
  assert_string_equal (asked.parent, "x=y");
  assert_int_equal (asked.disks->len, 2);
  assert_string_equal (g_ptr_array_index (asked.disks, 1), "b");
}

static void
what_is_not_understood_is_refused (void **state)
{
  static const char *const wrong[] = {
    "force force",
    "save a save b",
    "--parent a --parent=b",
    "save",
    "--parent",
    "a b",
    "-",
    "--force",
    "--parent --disk a",
    "save=x y",
    "'a",
    "--parents x",
    "--paren x",
    "",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_auto (Asked) asked = { 0 };

    assert_int_equal (read_text (wrong[i], EVERYTHING, &asked), BACKEND_ERROR_INVALID + 1);
  }
}

static void
what_looks_like_a_word_is_a_value_behind_an_equals_sign (void **state)
{
  g_auto (Asked) asked = { 0 };

  assert_int_equal (read_text ("--parent=--disk", EVERYTHING, &asked), 0);
  assert_string_equal (asked.parent, "--disk");
}

static void
what_cannot_be_done_is_unsupported_and_not_in_the_usage (void **state)
{
  g_auto (Asked) asked = { 0 };
  g_autoptr (Text) most = words_usage ("# About.\n", table, 0);
  g_autoptr (Text) all = words_usage ("# About.\n", table, EVERYTHING);

  assert_int_equal (read_text ("save x", 0, &asked), BACKEND_ERROR_UNSUPPORTED + 1);
  assert_null (strstr (most->data, "save"));
  assert_non_null (strstr (all->data, "\n#   save NAME "));
}

/* -------------------------------------------------------------------- control/create */

static guint
read_create (const char *text, gboolean document)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = words_split (text, &error);
  g_auto (CreateWords) asked = { 0 };

  return create_words_read (&asked, EVERYTHING, words, document, &error) ? 0
                                                                         : (guint)error->code + 1;
}

static void
words_that_exclude_each_other_are_refused (void **state)
{
  static const char *const wrong[] = {
    "--current",
    "--redefine --halt",
    "--redefine --live",
    "--redefine --no-metadata",
    "--redefine --from a",
    "--redefine --parent a",
    "--redefine --compress zlib",
    "--redefine --memspec file=/a",
    "--redefine --diskspec vda",
    "--redefine --quiesce --disk-only",
    "--redefine --quiesce=required --disk-only",
    "--disk-only --quiesce --quiesce=required",
    "--disk-only --quiesce=try",
    "--disk-only --quiesce=",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    assert_int_equal (read_create (wrong[i], TRUE), BACKEND_ERROR_INVALID + 1);
  assert_int_equal (read_create ("--redefine --current --disk-only --validate name", TRUE), 0);
  assert_int_equal (read_create ("--redefine", FALSE), BACKEND_ERROR_INVALID + 1);
  assert_int_equal (read_create ("--validate name", FALSE), BACKEND_ERROR_INVALID + 1);
}

static void
flags_are_those_of_the_contract (void **state)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words =
      words_split ("--disk-only --quiesce --atomic --live --halt --no-metadata --reuse-external "
                   "--compress gzip",
                   &error);
  g_auto (CreateWords) asked = { 0 };

  assert_true (create_words_read (&asked, EVERYTHING, words, FALSE, &error));
  assert_int_equal (create_words_flags (&asked), CREATE_DISK_ONLY | CREATE_QUIESCE | CREATE_ATOMIC |
                                                     CREATE_LIVE | CREATE_HALT |
                                                     CREATE_NO_METADATA | CREATE_REUSE_EXTERNAL);
  assert_string_equal (asked.compression, "zlib");
}

static void
quiescing_can_be_required (void **state)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = words_split ("--disk-only --quiesce=required", &error);
  g_auto (CreateWords) asked = { 0 };

  assert_true (create_words_read (&asked, EVERYTHING, words, FALSE, &error));
  assert_int_equal (create_words_flags (&asked),
                    CREATE_DISK_ONLY | CREATE_QUIESCE | CREATE_QUIESCE_REQUIRED);
}

/* -------------------------------------------------------------------- specs */

static void
commas_in_specs_are_doubled (void **state)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskRequest) disk =
      spec_read_disk ("v,,d,file=a&b,,c,,,driver=qcow2,stype=block,snapshot=external", &error);

  assert_null (error);
  assert_string_equal (disk->name, "v,d");
  assert_string_equal (disk->file, "a&b,c,");
  assert_string_equal (disk->driver, "qcow2");
  assert_string_equal (disk->type, "block");
  assert_string_equal (disk->snapshot, "external");
}

static void
a_disk_with_a_file_is_external (void **state)
{
  g_autoptr (DiskRequest) with = spec_read_disk ("vda,file=/x", NULL);
  g_autoptr (DiskRequest) without = spec_read_disk ("vda", NULL);

  assert_string_equal (with->snapshot, "external");
  assert_null (without->snapshot);
  assert_null (without->file);
}

static void
assert_memory (const char *spec, const char *mode, const char *file)
{
  g_autofree char *its_mode = NULL;
  g_autofree char *its_file = NULL;

  assert_true (spec_read_memory (spec, &its_mode, &its_file, NULL));
  assert_true (g_strcmp0 (its_mode, mode) == 0 && g_strcmp0 (its_file, file) == 0);
}

static void
memory_is_a_file_or_a_mode (void **state)
{
  assert_memory ("file=d,,e", "external", "d,e");
  assert_memory ("/a", "external", "/a");
  assert_memory ("snapshot=no", "no", NULL);
  assert_memory ("/a,snapshot=internal", "internal", "/a");
  assert_memory ("snapshot=external,file=/a", "external", "/a");
}

static void
other_specs_are_refused (void **state)
{
  static const char *const memories[] = { "",           "a,b",          "file=a,file=b", "x=y",
                                          "file=/a,/b", "snapshot=no,", "snapshot=no,/a" };
  static const char *const disks[] = { "vda,", "vda,x", "vda,file=a,file=b", "vda,snap=no",
                                       "vda,,,x" };
  char *mode;
  char *file;

  for (gsize i = 0; i < G_N_ELEMENTS (memories); i++)
    assert_false (spec_read_memory (memories[i], &mode, &file, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (disks); i++)
    assert_null (spec_read_disk (disks[i], NULL));
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (values_follow_their_words),
    cmocka_unit_test (what_is_not_understood_is_refused),
    cmocka_unit_test (what_looks_like_a_word_is_a_value_behind_an_equals_sign),
    cmocka_unit_test (what_cannot_be_done_is_unsupported_and_not_in_the_usage),
    cmocka_unit_test (words_that_exclude_each_other_are_refused),
    cmocka_unit_test (flags_are_those_of_the_contract),
    cmocka_unit_test (quiescing_can_be_required),
    cmocka_unit_test (commas_in_specs_are_doubled),
    cmocka_unit_test (a_disk_with_a_file_is_external),
    cmocka_unit_test (memory_is_a_file_or_a_mode),
    cmocka_unit_test (other_specs_are_refused),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
