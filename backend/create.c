/* What every backend checks of a request for a snapshot: libvirt's exclusions, and the rules about
 * names and parents. */
#include "create.h"
#include "xml.h"

/* -------------------------------------------------------------------- words that exclude */

static gboolean
check_flags (const CreateOptions *options, GError **error)
{
  CreateFlags flags = options->flags;

  if ((flags & CREATE_QUIESCE) != 0 && (flags & CREATE_DISK_ONLY) == 0)
    return fail (error, BACKEND_ERROR_INVALID, "quiesce needs disk-only");
  if ((flags & CREATE_QUIESCE_REQUIRED) != 0 && (flags & CREATE_QUIESCE) == 0)
    return fail (error, BACKEND_ERROR_INVALID, "what is required to be quiet is to be made quiet");
  if ((flags & CREATE_QUIESCE) != 0 && options->from != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "a copy is as quiet as its origin");
  if (options->parent != NULL && options->from != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "a snapshot is taken under one or from one");
  if (options->memory != NULL && !g_str_equal (options->memory, "no") &&
      (flags & CREATE_DISK_ONLY) != 0)
    return fail (error, BACKEND_ERROR_INVALID, "disk-only leaves out the memory");
  if ((flags & CREATE_NO_METADATA) != 0 && (options->parent != NULL || options->from != NULL))
    return fail (error, BACKEND_ERROR_INVALID, "a snapshot without metadata has no place");
  return TRUE;
}

/* What the snapshot of one disk may be asked for besides; that it is atomic goes without saying. */
#define OF_ONE_DISK (CREATE_DISK_ONLY | CREATE_ATOMIC | CREATE_QUIESCE | CREATE_QUIESCE_REQUIRED)

/* One disk's snapshot has no place among the domain's. */
static gboolean
check_one_disk (const CreateOptions *options, GError **error)
{
  if (options->disk == NULL)
    return TRUE;
  if (options->under != NULL || options->parent != NULL || options->from != NULL)
    return fail (error, BACKEND_ERROR_INVALID,
                 "a snapshot of one disk has no parent and no origin");
  if (options->disks != NULL || options->memory != NULL || (options->flags & ~OF_ONE_DISK) != 0)
    return fail (error, BACKEND_ERROR_INVALID,
                 "a snapshot of one disk is of that alone, and as its method makes it");
  return TRUE;
}

static gboolean
is_one_of (const char *word, const char *const *words)
{
  return word == NULL || g_strv_contains (words, word);
}

gboolean
create_check_compression (const char *method, GError **error)
{
  static const char *const methods[] = { "zlib", "zstd", NULL };

  return is_one_of (method, methods) ||
         fail (error, BACKEND_ERROR_INVALID, "compression is by zlib or zstd, not by \"%.40s\"",
               method);
}

/* libvirt's rules about where memory goes. */
gboolean
create_check_memory (const char *mode, const char *file, GError **error)
{
  static const char *const modes[] = { "no", "internal", "external", NULL };
  gboolean external = g_strcmp0 (mode, "external") == 0;

  if (!is_one_of (mode, modes))
    return fail (error, BACKEND_ERROR_INVALID, "memory cannot be \"%s\" in a snapshot", mode);
  if (external != (file != NULL))
    return fail (error, BACKEND_ERROR_INVALID,
                 "memory needs a file when it is external, and only then");
  return file == NULL || g_path_is_absolute (file) ||
         fail (error, BACKEND_ERROR_INVALID, "the path of the memory's file must be absolute");
}

gboolean
create_check_disk (const DiskRequest *request, GError **error)
{
  static const char *const modes[] = { "no", "internal", "external", "manual", NULL };
  static const char *const types[] = { "file", "block", "network", NULL };

  if (request->name == NULL || request->name[0] == '\0')
    return fail (error, BACKEND_ERROR_INVALID, "a disk without a name");
  if (!is_one_of (request->snapshot, modes))
    return fail (error, BACKEND_ERROR_INVALID, "disk %s cannot be \"%s\" in a snapshot",
                 request->name, request->snapshot);
  if (!is_one_of (request->type, types))
    return fail (error, BACKEND_ERROR_INVALID, "disk %s cannot be of the type \"%s\"",
                 request->name, request->type);
  if (request->file == NULL)
    return TRUE;
  if (request->snapshot != NULL && !g_str_equal (request->snapshot, "external"))
    return fail (error, BACKEND_ERROR_INVALID, "disk %s has a file and is not external",
                 request->name);
  return g_path_is_absolute (request->file) ||
         fail (error, BACKEND_ERROR_INVALID, "the path for disk %s must be absolute",
               request->name);
}

gboolean
create_check (const CreateOptions *options, GError **error)
{
  if (!check_flags (options, error) || !check_one_disk (options, error) ||
      !create_check_compression (options->compression, error) ||
      !create_check_memory (options->memory, options->memory_file, error))
    return FALSE;
  for (guint i = 0; options->disks != NULL && i < options->disks->len; i++) {
    const DiskRequest *request = g_ptr_array_index (options->disks, i);

    if (!create_check_disk (request, error))
      return FALSE;
    if (g_strcmp0 (request->type, "network") == 0)
      return fail (error, BACKEND_ERROR_INVALID, "disk %s cannot be made in a network",
                   request->name);
  }
  return TRUE;
}

/* -------------------------------------------------------------------- the name */

static gboolean
is_free (const Domain *domain, const char *target, const char *name)
{
  return (target != NULL ? domain_disk_named (domain, target, name, 0)
                         : domain_named (domain, name, 0)) == NULL;
}

/* As libvirt does, the time; the next free number when two fall into one second. */
static char *
make_up_name (const Domain *domain, const char *target)
{
  for (gint64 number = seconds_now ();; number++) {
    g_autofree char *name = g_strdup_printf ("%" G_GINT64_FORMAT, number);

    if (is_free (domain, target, name))
      return g_steal_pointer (&name);
  }
}

char *
create_disk_name (const Domain *domain, const char *target, const char *wanted, GError **error)
{
  if (wanted == NULL)
    return make_up_name (domain, target);
  if (is_free (domain, target, wanted))
    return g_strdup (wanted);
  fail (error, BACKEND_ERROR_EXISTS, "%s%s%s has a snapshot %s already", domain->name,
        target != NULL ? "'s disk " : "", target != NULL ? target : "", wanted);
  return NULL;
}

char *
create_name (const Domain *domain, const char *wanted, GError **error)
{
  return create_disk_name (domain, NULL, wanted, error);
}

/* -------------------------------------------------------------------- the parent */

static gboolean
check_under (const Domain *domain, const char *under, GError **error)
{
  const Snapshot *current =
      domain->current != NULL ? domain_snapshot (domain, domain->current) : NULL;

  if (under == NULL || g_str_equal (under, current != NULL ? current->id : ""))
    return TRUE;
  return fail (error, BACKEND_ERROR_NOT_CURRENT,
               "a new snapshot's parent is the current one, which is %s",
               current != NULL ? current->name : "none");
}

gboolean
create_parent (const Domain *domain, const CreateOptions *options, const char **parent,
               GError **error)
{
  const char *asked = options->from != NULL ? options->from : options->parent;

  const Snapshot *found = asked != NULL ? domain_snapshot (domain, asked) : NULL;

  *parent = asked != NULL ? asked : domain->current;
  if (asked != NULL && (found == NULL || found->disk != NULL))
    return fail (error, BACKEND_ERROR_INVALID, "%s has no such snapshot", domain->name);
  return check_under (domain, options->under, error);
}

/* -------------------------------------------------------------------- quiescing */

char *
create_quiesced (const CreateOptions *options, const char *why_not)
{
  if ((options->flags & CREATE_QUIESCE) == 0)
    return NULL;
  return why_not != NULL ? g_strconcat ("no: ", why_not, NULL) : g_strdup ("yes");
}

gboolean
create_quiesced_off (const CreateOptions *options, char **quiesced, GError **error)
{
  *quiesced = create_quiesced (options, "the machine was off");
  if ((options->flags & CREATE_QUIESCE_REQUIRED) == 0)
    return TRUE;
  g_clear_pointer (quiesced, g_free);
  return fail (error, BACKEND_ERROR_BUSY,
               "the machine is off, and has no guest agent that could quiesce it");
}

/* -------------------------------------------------------------------- disks */

static gboolean
is_for (const DiskRequest *request, const char *target, const char *file)
{
  return g_str_equal (request->name, target) || g_strcmp0 (request->name, file) == 0;
}

const DiskRequest *
create_disk_request (const CreateOptions *options, const char *target, const char *file)
{
  for (guint i = 0; options->disks != NULL && i < options->disks->len; i++) {
    const DiskRequest *request = g_ptr_array_index (options->disks, i);

    if (is_for (request, target, file))
      return request;
  }
  return NULL;
}

gboolean
disk_request_leaves_out (const DiskRequest *request)
{
  return request != NULL &&
         (g_strcmp0 (request->snapshot, "no") == 0 || g_strcmp0 (request->snapshot, "manual") == 0);
}

static gboolean
has_disk (const Domain *domain, const char *target)
{
  for (guint i = 0; i < domain->disks->len; i++)
    if (g_str_equal (((const Disk *)g_ptr_array_index (domain->disks, i))->target, target))
      return TRUE;
  return FALSE;
}

/* The disk of @domain that @request is for, a number; -1: none. */
static int
find_disk (const Domain *domain, const DiskRequest *request)
{
  for (guint i = 0; i < domain->disks->len; i++) {
    const Disk *disk = g_ptr_array_index (domain->disks, i);
    g_autofree char *file = xml_disk_source (disk->xml);

    if (is_for (request, disk->target, file))
      return (int)i;
  }
  return -1;
}

gboolean
create_check_disks (const CreateOptions *options, const Domain *domain, GError **error)
{
  g_autofree gboolean *asked = g_new0 (gboolean, domain->disks->len);

  if (options->disk != NULL && !has_disk (domain, options->disk))
    return fail (error, BACKEND_ERROR_INVALID, "%s has no disk %s", domain->name, options->disk);
  for (guint i = 0; options->disks != NULL && i < options->disks->len; i++) {
    const DiskRequest *request = g_ptr_array_index (options->disks, i);
    int disk = find_disk (domain, request);

    if (disk < 0)
      return fail (error, BACKEND_ERROR_INVALID, "%s has no disk %s", domain->name, request->name);
    if (asked[disk])
      return fail (error, BACKEND_ERROR_INVALID, "disk %s is named twice", request->name);
    asked[disk] = TRUE;
  }
  return TRUE;
}
