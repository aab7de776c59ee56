/* vmsnap export: the descriptions of all snapshots of a domain as one document.
 *
 * It is read whole before anything is written, so that what fails leaves no half of a document. */
#include "commands.h"
#include "hierarchy.h"
#include "mounted.h"

#include "../backend/error.h"
#include "../backend/local/fd.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  GString *documents;
  char *current; /* NULL: none so far */
  guint left_out;
} Export;

static gboolean
note_current (Export *export, const char *text, gsize length, GError **error)
{
  g_autoptr (HierarchySnapshot) snapshot = hierarchy_snapshot_parse (text, length, error);

  if (snapshot == NULL)
    return FALSE;
  g_free (export->current);
  export->current = g_strdup (snapshot->name);
  return TRUE;
}

/* An XML declaration may only be where a document begins. */
static const char *
skip_declaration (const char *text)
{
  const char *end = g_str_has_prefix (text, "<?xml ") ? strstr (text, "?>") : NULL;

  if (end == NULL)
    return text;
  for (end += strlen ("?>"); g_ascii_isspace (*end); end++)
    continue;
  return end;
}

/* XML cannot carry every name. */
static void
leave_out (Export *export, const char *name)
{
  g_autoptr (GError) error = NULL;

  fail (&error, BACKEND_ERROR_INVALID, "\"%s\" is left out: it has no snapshot.xml", name);
  command_complain (error);
  export->left_out++;
}

static gboolean
add_snapshot (Export *export, int snapshots, const char *name, GError **error)
{
  g_autoptr (GError) problem = NULL;
  autofd fd = openat (snapshots, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *info = fd < 0 ? NULL : mounted_read (fd, "info", NULL, &problem);
  g_autofree char *xml = info != NULL ? mounted_read (fd, "snapshot.xml", NULL, &problem) : NULL;
  const char *text = xml != NULL ? skip_declaration (xml) : NULL;

  if (fd < 0)
    return errno == ENOENT || fail_errno (error, "%s", name);
  if (info != NULL && g_error_matches (problem, BACKEND_ERROR, BACKEND_ERROR_NOT_FOUND)) {
    leave_out (export, name);
    return TRUE;
  }
  if (problem != NULL)
    return fail (error, BACKEND_ERROR_FAILED, "%s: %s", name, problem->message);
  if (mounted_field_is (info, "current", "yes") &&
      !note_current (export, text, strlen (text), error))
    return fail_in (error, "%s", name);
  g_string_append (export->documents, text);
  if (!g_str_has_suffix (text, "\n"))
    g_string_append_c (export->documents, '\n');
  return TRUE;
}

static gboolean
read_snapshots (Export *export, const char *path, GError **error)
{
  autofd domain = mounted_open_domain (path, error);
  g_autoptr (GPtrArray) names = domain < 0 ? NULL : mounted_list (domain, ".snapshots", error);
  autofd snapshots = openat (domain, ".snapshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (names == NULL)
    return FALSE;
  if (snapshots < 0)
    return fail_errno (error, ".snapshots");
  for (guint i = 0; i < names->len; i++)
    if (!add_snapshot (export, snapshots, g_ptr_array_index (names, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
write_document (const Export *export, GError **error)
{
  g_autofree char *start = hierarchy_start (export->current);

  if (fputs (start, stdout) < 0 || fputs (export->documents->str, stdout) < 0 ||
      fputs (HIERARCHY_END, stdout) < 0 || fflush (stdout) != 0)
    return fail_errno (error, "standard output");
  return TRUE;
}

static int
run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { 0 } };
  g_autoptr (GString) documents = g_string_new (NULL);
  Export export = { .documents = documents };
  gboolean ok;

  if (getopt_long (argc, argv, "", long_options, NULL) != -1)
    return command_misused (error, "an option is unknown");
  if (argc - optind != 1)
    return command_misused (error, "the directory of one domain is needed");
  ok = read_snapshots (&export, argv[optind], error) && write_document (&export, error);
  g_free (export.current);
  return ok && export.left_out == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

const Command export_command = {
  "export", "write the descriptions of a domain's snapshots as one document",
  "usage: vmsnap export MNT/DOMAIN > FILE\n"
  "\n"
  "Writes every snapshot.xml of the domain, parents first, and which snapshot is current.\n"
  "vmsnap import reads it.  No disk is in it.\n",
  run
};
