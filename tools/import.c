/* vmsnap import: the snapshots of a document become records of a domain, one redefinition each.
 *
 * What can be known beforehand is checked beforehand, for the whole document; then nothing has been
 * written yet.  What the backend refuses after that is told for each snapshot. */
#include "adopt.h"
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

#define DOCUMENT_LIMIT (256 * 1024 * 1024)
#define PIECE                                                                                      \
  (64 * 1024) /* one request to the tree each: of a larger one a failure may be lost               \
               */

typedef struct {
  int domain;           /* descriptor of its directory; borrowed */
  gboolean missing;     /* leave alone what is there */
  gboolean adopt;       /* make it this domain's, whosever it was */
  char *uuid;           /* the domain's, as info spells it */
  GHashTable *existing; /* names */
  GHashTable *failed;   /* names; borrowed */
  Hierarchy *hierarchy;
} Import;

static void
import_clear (Import *import)
{
  g_free (import->uuid);
  g_clear_pointer (&import->existing, g_hash_table_unref);
  g_clear_pointer (&import->failed, g_hash_table_unref);
  g_clear_pointer (&import->hierarchy, hierarchy_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Import, import_clear)

/* ---- reading */

static GString *
read_input (GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *piece = g_malloc (PIECE);
  gssize got;

  while ((got = read (STDIN_FILENO, piece, PIECE)) != 0) {
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0) {
      fail_errno (error, "standard input");
      return NULL;
    }
    if (text->len + (gsize)got > DOCUMENT_LIMIT) {
      fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "the document has more than %d bytes",
            DOCUMENT_LIMIT);
      return NULL;
    }
    g_string_append_len (text, piece, got);
  }
  return g_steal_pointer (&text);
}

static gboolean
read_document (Import *import, GError **error)
{
  g_autoptr (GString) text = read_input (error);

  if (text == NULL)
    return FALSE;
  import->hierarchy = hierarchy_parse (text->str, text->len, error);
  return import->hierarchy != NULL;
}

/* The name behind a directory's, as its snapshot.xml has it; that of info where there is none, for
 * what is not in XML cannot be in the document either. */
static char *
true_name (int snapshots, const char *file_name)
{
  g_autofree char *xml_path = g_build_filename (file_name, "snapshot.xml", NULL);
  g_autofree char *info_path = g_build_filename (file_name, "info", NULL);
  gsize length = 0;
  g_autofree char *xml = mounted_read (snapshots, xml_path, &length, NULL);
  g_autoptr (HierarchySnapshot) snapshot =
      xml != NULL ? hierarchy_snapshot_parse (xml, length, NULL) : NULL;
  g_autofree char *info = snapshot == NULL ? mounted_read (snapshots, info_path, NULL, NULL) : NULL;

  return snapshot != NULL ? g_strdup (snapshot->name) : mounted_field (info, "name");
}

static gboolean
read_existing (Import *import, GError **error)
{
  g_autoptr (GPtrArray) names = mounted_list (import->domain, ".snapshots", error);
  autofd snapshots = openat (import->domain, ".snapshots", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  g_autofree char *info = mounted_read (import->domain, "info", NULL, error);

  if (names == NULL || info == NULL)
    return FALSE;
  if (snapshots < 0)
    return fail_errno (error, ".snapshots");
  import->uuid = mounted_field (info, "uuid");
  for (guint i = 0; i < names->len; i++) {
    char *name = true_name (snapshots, g_ptr_array_index (names, i));

    if (name != NULL)
      g_hash_table_add (import->existing, name);
  }
  return TRUE;
}

/* ---- checking */

/* Forgets of the document what is there already. */
static void
drop_existing (Import *import)
{
  GPtrArray *snapshots = import->hierarchy->snapshots;

  for (guint i = snapshots->len; i-- > 0;) {
    const HierarchySnapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (g_hash_table_contains (import->existing, snapshot->name))
      g_ptr_array_remove_index (snapshots, i);
  }
}

static gboolean
check_collisions (const Import *import, GError **error)
{
  const GPtrArray *snapshots = import->hierarchy->snapshots;
  const char *first = NULL;
  guint count = 0;

  for (guint i = 0; i < snapshots->len; i++) {
    const HierarchySnapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (g_hash_table_contains (import->existing, snapshot->name) && count++ == 0)
      first = snapshot->name;
  }
  return count == 0 ||
         fail (error, BACKEND_ERROR_EXISTS,
               "%u of the document's snapshots are there already, the first is \"%s\"; --missing "
               "adds only the others",
               count, first);
}

/* Parents come first in a hierarchy, so one that is not in it has to be there. */
static gboolean
check_parents (const Import *import, GError **error)
{
  const GPtrArray *snapshots = import->hierarchy->snapshots;
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < snapshots->len; i++) {
    const HierarchySnapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (snapshot->parent != NULL && !g_hash_table_contains (names, snapshot->parent) &&
        !g_hash_table_contains (import->existing, snapshot->parent))
      return fail (error, BACKEND_ERROR_INVALID,
                   "\"%s\": its parent \"%s\" is neither in the document nor in the domain",
                   snapshot->name, snapshot->parent);
    g_hash_table_add (names, snapshot->name);
  }
  return TRUE;
}

/* libvirt takes a uuid with dashes, spaces and capitals anywhere. */
static char *
bare_uuid (const char *text)
{
  g_autoptr (GString) out = g_string_new (NULL);

  for (; *text != '\0'; text++)
    if (*text != '-' && !g_ascii_isspace (*text))
      g_string_append_c (out, g_ascii_tolower (*text));
  return g_string_free (g_steal_pointer (&out), FALSE);
}

static gboolean
is_ours (const Import *import, const HierarchySnapshot *snapshot)
{
  g_autofree char *ours = bare_uuid (import->uuid != NULL ? import->uuid : "");
  g_autofree char *its = snapshot->uuid != NULL ? bare_uuid (snapshot->uuid) : NULL;

  return its == NULL || strcmp (its, ours) == 0;
}

static gboolean
check_owner (const Import *import, GError **error)
{
  const GPtrArray *snapshots = import->hierarchy->snapshots;

  for (guint i = 0; i < snapshots->len; i++) {
    const HierarchySnapshot *snapshot = g_ptr_array_index (snapshots, i);

    if (!is_ours (import, snapshot))
      return fail (error, BACKEND_ERROR_INVALID,
                   "\"%s\" is a snapshot of another domain, whose uuid is %s and not %s; --adopt "
                   "makes it this one's",
                   snapshot->name, snapshot->uuid, import->uuid);
  }
  return TRUE;
}

static gboolean
adopt_all (Import *import, GError **error)
{
  GPtrArray *snapshots = import->hierarchy->snapshots;

  if (import->uuid == NULL || !g_uuid_string_is_valid (import->uuid))
    return fail (error, BACKEND_ERROR_UNSUPPORTED, "the domain has no uuid");
  for (guint i = 0; i < snapshots->len; i++) {
    HierarchySnapshot *snapshot = g_ptr_array_index (snapshots, i);
    char *text = adopt (snapshot->text, import->uuid, error);

    if (text == NULL)
      return fail_in (error, "\"%s\"", snapshot->name);
    g_free (snapshot->text);
    snapshot->text = text;
  }
  return TRUE;
}

static gboolean
check (Import *import, GError **error)
{
  if (import->missing)
    drop_existing (import);
  if (!check_collisions (import, error) || !check_parents (import, error))
    return FALSE;
  return import->adopt ? adopt_all (import, error) : check_owner (import, error);
}

/* ---- writing */

/* The sentence behind @number, which the last line of control/error holds. */
static gboolean
fail_as_told (const Import *import, int number, GError **error)
{
  g_autofree char *failures = mounted_read (import->domain, "control/error", NULL, NULL);
  g_autofree char *code = g_strdup_printf (": %s: ", strerrorname_np (number));
  const char *line, *told;

  if (failures != NULL)
    g_strchomp (failures);
  line = failures != NULL ? strrchr (failures, '\n') : NULL;
  told = strstr (line != NULL ? line : failures != NULL ? failures : "", code);
  return fail (error, BACKEND_ERROR_FAILED, "%s",
               told != NULL ? told + strlen (code) : g_strerror (number));
}

static gboolean
write_all (int fd, const GString *text)
{
  for (gsize done = 0; done < text->len;) {
    gssize wrote = write (fd, text->str + done, MIN (text->len - done, PIECE));

    if (wrote < 0 && errno != EINTR)
      return FALSE;
    if (wrote > 0)
      done += (gsize)wrote;
  }
  return TRUE;
}

static gboolean
write_snapshot (const Import *import, const HierarchySnapshot *snapshot, GError **error)
{
  gboolean current = g_strcmp0 (snapshot->name, import->hierarchy->current) == 0;
  g_autoptr (GString) text = g_string_new (current ? "--redefine --current -\n" : "--redefine -\n");
  autofd fd = openat (import->domain, "control/create", O_WRONLY | O_CLOEXEC);

  if (fd < 0)
    return fail_errno (error, "control/create");
  g_string_append (text, snapshot->text);
  if (!write_all (fd, text))
    return fail_as_told (import, errno, error);
  return close (fd_steal (&fd)) == 0 || fail_as_told (import, errno, error);
}

static gboolean
import_snapshot (const Import *import, const HierarchySnapshot *snapshot, GError **error)
{
  if (snapshot->parent != NULL && g_hash_table_contains (import->failed, snapshot->parent))
    return fail (error, BACKEND_ERROR_NOT_FOUND, "its parent was not imported");
  return write_snapshot (import, snapshot, error);
}

static gboolean
write_snapshots (Import *import, GError **error)
{
  const GPtrArray *snapshots = import->hierarchy->snapshots;
  guint failed;

  for (guint i = 0; i < snapshots->len; i++) {
    const HierarchySnapshot *snapshot = g_ptr_array_index (snapshots, i);
    g_autoptr (GError) problem = NULL;

    if (import_snapshot (import, snapshot, &problem))
      continue;
    g_hash_table_add (import->failed, snapshot->name);
    fail_in (&problem, "\"%s\"", snapshot->name);
    command_complain (problem);
  }
  failed = g_hash_table_size (import->failed);
  return failed == 0 || fail (error, BACKEND_ERROR_FAILED, "%u of %u snapshots were not imported",
                              failed, snapshots->len);
}

static int
import_into (Import *import, const char *path, GError **error)
{
  autofd domain = mounted_open_domain (path, error);

  if (domain < 0)
    return EXIT_FAILURE;
  import->domain = domain;
  import->existing = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  import->failed = g_hash_table_new (g_str_hash, g_str_equal);
  return read_document (import, error) && read_existing (import, error) && check (import, error) &&
                 write_snapshots (import, error)
             ? EXIT_SUCCESS
             : EXIT_FAILURE;
}

static int
run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "missing", no_argument, NULL, 'm' },
                                                { "adopt", no_argument, NULL, 'a' },
                                                { 0 } };
  g_auto (Import) import = { 0 };
  int letter;

  while ((letter = getopt_long (argc, argv, "", long_options, NULL)) != -1) {
    if (letter != 'm' && letter != 'a')
      return command_misused (error, "an option is unknown");
    import.missing = import.missing || letter == 'm';
    import.adopt = import.adopt || letter == 'a';
  }
  if (argc - optind != 1)
    return command_misused (error, "the directory of one domain is needed");
  return import_into (&import, argv[optind], error);
}

const Command import_command = {
  "import", "make a domain's snapshots known again from such a document",
  "usage: vmsnap import [--missing] [--adopt] MNT/DOMAIN < FILE\n"
  "\n"
  "Installs the descriptions in FILE, which vmsnap export wrote.  No disk is touched.  Nothing\n"
  "is written when the document is wrong or a snapshot of it is there already.\n"
  "\n"
  "  --missing           leave those that are there as they are, and add the others\n"
  "  --adopt             take the snapshots of a domain with another uuid\n",
  run
};
