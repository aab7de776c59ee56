/* What is written to control/create.
 *
 * - A document that comes in one piece is taken as it is when it comes byte by byte, and one that
 * the parser takes is not waited for.
 * - Words are refused, or every one of them was read: the same words in the order in which the
 * table has them say the same.
 * - A spec is refused, or the spec made of what was read says the same. */
#include "../../fs/create-words.h"
#include "../../fs/document.h"
#include "../../fs/specs.h"
#include "fuzz.h"
#include <string.h>

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Document, document_clear)

static gboolean
add (Document *document, const char *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  gboolean after;
  gboolean taken = document_add (document, TRUE, data, size, &after, &error);
  must_agree (taken, error);
  return taken;
}

static void
check_document (const char *data, gsize size)
{
  g_auto (Document) whole = { 0 };
  g_auto (Document) pieces = { 0 };
  gboolean taken = add (&whole, data, size);
  MUST (taken == (whole.state != DOCUMENT_REFUSED));
  /* Words do not come in pieces. */
  if (size == 0 || data[0] != '<')
    return;
  for (gsize i = 0; i < size; i++)
    taken = add (&pieces, data + i, 1);
  /* A comment that is unfinished behind the end is waited for, or comes too late to be; then it is
   * not looked at whether the rest is UTF-8. */
  if (whole.state != DOCUMENT_REFUSED && g_utf8_validate_len (data, size, NULL))
    MUST (taken && (pieces.state == whole.state || whole.markup.ended));
  if (whole.state != DOCUMENT_WAITS)
    return;
  g_autoptr (SnapshotDescription) description = snapshot_description_parse (data, size, NULL);
  MUST (!description);
}

/* @spec with every comma doubled. */
static char *
double_commas (const char *spec)
{
  g_auto (GStrv) parts = g_strsplit (spec, ",", -1);
  return g_strjoinv (",,", parts);
}

static void
append_part (GString *out, const char *key, const char *value)
{
  if (!value)
    return;
  g_autofree char *doubled = double_commas (value);
  g_string_append_printf (out, "%s%s%s", out->len > 0 ? "," : "", key, doubled);
}

static void
check_disk (const char *spec)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskRequest) disk = spec_read_disk (spec, &error);
  must_agree (disk != NULL, error);
  if (!disk)
    return;
  g_autofree char *again = double_commas (disk->name);
  g_autoptr (GString) out = g_string_new (again);
  if (out->len == 0) /* then the first part would have no comma before it */
    return;
  append_part (out, "file=", disk->file);
  append_part (out, "stype=", disk->type);
  append_part (out, "driver=", disk->driver);
  append_part (out, "snapshot=", disk->snapshot);
  g_autoptr (DiskRequest) same = spec_read_disk (out->str, NULL);
  MUST (same && !strcmp (same->name, disk->name) && !g_strcmp0 (same->file, disk->file));
  MUST (!g_strcmp0 (same->type, disk->type) && !g_strcmp0 (same->driver, disk->driver) &&
        !g_strcmp0 (same->snapshot, disk->snapshot));
}

static void
check_memory (const char *spec)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *mode = NULL, *file = NULL, *same_mode = NULL, *same_file = NULL;
  gboolean taken = spec_read_memory (spec, &mode, &file, &error);
  must_agree (taken, error);
  if (!taken)
    return;
  g_autoptr (GString) out = g_string_new (NULL);
  append_part (out, "snapshot=", mode);
  append_part (out, "file=", file);
  MUST (spec_read_memory (out->str, &same_mode, &same_file, NULL));
  MUST (!g_strcmp0 (mode, same_mode) && !g_strcmp0 (file, same_file));
}

static void
push (GPtrArray *words, const char *word, const char *value)
{
  if (value)
    g_ptr_array_add (words, g_strconcat (word, "=", value, NULL));
}

static void
push_flag (GPtrArray *words, const char *word, gboolean given)
{
  if (given)
    g_ptr_array_add (words, g_strdup (word));
}

static GPtrArray *
words_of (const CreateWords *asked)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (g_free);
  push (words, "--description", asked->description);
  push (words, "--parent", asked->parent);
  push (words, "--from", asked->from);
  push (words, "--compress", asked->compression);
  push (words, "--memspec", asked->memory);
  for (guint i = 0; asked->disks && i < asked->disks->len; i++)
    push (words, "--diskspec", g_ptr_array_index (asked->disks, i));
  push_flag (words, "--disk-only", asked->disk_only);
  push_flag (words, "--quiesce", asked->quiesce);
  push_flag (words, "--quiesce=required", asked->quiesce_required);
  push_flag (words, "--atomic", asked->atomic);
  push_flag (words, "--live", asked->live);
  push_flag (words, "--halt", asked->halt);
  push_flag (words, "--no-metadata", asked->no_metadata);
  push_flag (words, "--reuse-external", asked->reuse_external);
  push_flag (words, "--redefine", asked->redefine);
  push_flag (words, "--current", asked->current);
  push_flag (words, "--validate", asked->validate);
  push_flag (words, asked->name, asked->name != NULL);
  g_ptr_array_add (words, NULL);
  return words;
}

static void
check_words (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) words = words_split (text, &error);
  must_agree (words != NULL, error);
  if (!words)
    return;
  g_auto (CreateWords) asked = { 0 };
  gboolean taken = create_words_read (&asked, (BackendCan)~0u, words, TRUE, &error);
  must_agree (taken, error);
  if (!taken)
    return;
  g_autoptr (GPtrArray) again = words_of (&asked);
  g_auto (CreateWords) same = { 0 };
  MUST (create_words_read (&same, (BackendCan)~0u, (char **)again->pdata, TRUE, NULL));
  MUST (create_words_flags (&same) == create_words_flags (&asked));
  MUST (!g_strcmp0 (same.name, asked.name) && !g_strcmp0 (same.description, asked.description) &&
        !g_strcmp0 (same.parent, asked.parent) && !g_strcmp0 (same.memory, asked.memory));
  /* One word may be two, with its value. */
  MUST (again->len - 1 <= g_strv_length (words));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  check_document ((const char *)data, size);
  check_words (text);
  check_disk (text);
  check_memory (text);
  return 0;
}
