/* The words of control/create, and which of them go together. */
#include "create-words.h"

#include <string.h>

#define AT(field) G_STRUCT_OFFSET (CreateWords, field)

static const Word table[] = {
  { "--description", "TEXT", "what to remember it by", 0, 0, AT (description), FALSE },
  { "--parent", "NAME", "its parent, instead of the current snapshot", CAN_PARENT, 0, AT (parent),
    FALSE },
  { "--from", "NAME", "a copy of that snapshot, as its child", CAN_COPY, 0, AT (from), FALSE },
  { "--disk", "TARGET", "of that disk alone, as mkdir disks/TARGET/NAME takes it", CAN_DISK, 0,
    AT (disk), FALSE },
  { "--disk-only", NULL, "without the machine's memory", 0, 0, AT (disk_only), FALSE },
  { "--quiesce", NULL, "with the guest's file systems at rest (with --disk-only)", 0, 0,
    AT (quiesce), FALSE },
  { "--quiesce=required", NULL, "the same, or no snapshot", 0, 0, AT (quiesce_required), FALSE },
  { "--atomic", NULL, "all disks or none", 0, 0, AT (atomic), FALSE },
  { "--live", NULL, "the guest runs while its memory is saved", 0, CAN_LIVE, AT (live), FALSE },
  { "--halt", NULL, "the machine is off afterwards", 0, 0, AT (halt), FALSE },
  { "--no-metadata", NULL, "take the data and keep no record", CAN_FORGET, 0, AT (no_metadata),
    FALSE },
  { "--reuse-external", NULL, "the new files are there already", 0, CAN_REUSE, AT (reuse_external),
    FALSE },
  { "--memspec", "SPEC", "[file=]NAME[,snapshot=TYPE]", 0, 0, AT (memory), FALSE },
  { "--diskspec", "SPEC", "DISK[,snapshot=TYPE][,driver=TYPE][,stype=TYPE][,file=NAME]", 0, 0,
    AT (disks), TRUE },
  { "--compress", "METHOD", "zlib or zstd", CAN_COMPRESS, 0, AT (compression), FALSE },
  { "--method", "METHOD", "of freezing the disks, this once: qemu, btrfs, lvm, zfs or exec",
    CAN_METHOD, 0, AT (method), FALSE },
  { "--redefine", NULL, "record what the document says; no data is touched", CAN_REDEFINE, 0,
    AT (redefine), FALSE },
  { "--current", NULL, "with --redefine: it becomes the current one", CAN_REDEFINE, 0, AT (current),
    FALSE },
  { "--validate", NULL, "the document must be valid against libvirt's schema", 0, 0, AT (validate),
    FALSE },
  { 0 },
};

void
create_words_clear (CreateWords *asked)
{
  g_free (asked->name);
  g_free (asked->description);
  g_free (asked->parent);
  g_free (asked->from);
  g_free (asked->disk);
  g_free (asked->compression);
  g_free (asked->method);
  g_free (asked->memory);
  g_clear_pointer (&asked->disks, g_ptr_array_unref);
  *asked = (CreateWords){ 0 };
}

/* A redefinition touches no data, so what is about data excludes it. */
static gboolean
check_redefine (const CreateWords *asked, GError **error)
{
  const struct {
    const char *word;
    gboolean given;
  } excluded[] = {
    { "--no-metadata", asked->no_metadata },
    { "--halt", asked->halt },
    { "--live", asked->live },
    { "--quiesce", asked->quiesce || asked->quiesce_required },
    { "--reuse-external", asked->reuse_external },
    { "--parent", asked->parent != NULL },
    { "--from", asked->from != NULL },
    { "--disk", asked->disk != NULL },
    { "--compress", asked->compression != NULL },
    { "--method", asked->method != NULL },
    { "--memspec", asked->memory != NULL },
    { "--diskspec", asked->disks != NULL },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (excluded); i++)
    if (excluded[i].given)
      return fail (error, BACKEND_ERROR_INVALID, "--redefine excludes %s", excluded[i].word);
  return TRUE;
}

static gboolean
check_words (const CreateWords *asked, gboolean document, GError **error)
{
  if (asked->current && !asked->redefine)
    return fail (error, BACKEND_ERROR_INVALID, "--current is only for --redefine");
  if (asked->quiesce && asked->quiesce_required)
    return fail (error, BACKEND_ERROR_INVALID, "\"--quiesce\" is there twice");
  if (asked->redefine && !document)
    return fail (error, BACKEND_ERROR_INVALID, "--redefine needs a document: end the words in -");
  if (asked->validate && !document)
    return fail (error, BACKEND_ERROR_INVALID, "--validate needs a document: end the words in -");
  return !asked->redefine || check_redefine (asked, error);
}

gboolean
create_words_read (CreateWords *asked, BackendCan can, char **words, gboolean document,
                   GError **error)
{
  if (!words_read (table, can, words, asked, &asked->name, error) ||
      !check_words (asked, document, error))
    return FALSE;
  if (g_strcmp0 (asked->compression, "gzip") == 0) {
    g_free (asked->compression);
    asked->compression = g_strdup ("zlib");
  }
  return TRUE;
}

CreateFlags
create_words_flags (const CreateWords *asked)
{
  return (asked->disk_only ? CREATE_DISK_ONLY : 0) | (asked->quiesce ? CREATE_QUIESCE : 0) |
         (asked->quiesce_required ? CREATE_QUIESCE | CREATE_QUIESCE_REQUIRED : 0) |
         (asked->atomic ? CREATE_ATOMIC : 0) | (asked->live ? CREATE_LIVE : 0) |
         (asked->halt ? CREATE_HALT : 0) | (asked->no_metadata ? CREATE_NO_METADATA : 0) |
         (asked->reuse_external ? CREATE_REUSE_EXTERNAL : 0);
}

Text *
create_words_usage (BackendCan can)
{
  return words_usage (
      "# Write a name to take a snapshot, a <domainsnapshot> document, or a line of\n"
      "# words that ends in \"-\" and then the document. Nothing has to be given:\n"
      "# <domainsnapshot/> makes up a name. These words may stand with the name:\n",
      table, can);
}
