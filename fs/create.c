/* control/create, and writing to snapshot.xml: snapshots from words and documents.
 *
 * Words and document say the same things in two ways.  What both say must agree; names are resolved
 * in the picture, so that the backend gets ids; all rules about what a snapshot may be are its own.
 */
#include "create-words.h"
#include "rows.h"
#include "specs.h"

#include <string.h>

/* A request for the backend while it is put together; everything in it is borrowed, or owned by
 * `disks` and by the specs. */
typedef struct {
  CreateOptions options;
  GPtrArray *disks; /* of DiskRequest; NULL: none were asked for in words */
  char *memory;
  char *memory_file;
} Asking;

static void
asking_clear (Asking *asking)
{
  g_clear_pointer (&asking->disks, g_ptr_array_unref);
  g_free (asking->memory);
  g_free (asking->memory_file);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Asking, asking_clear)

/* "" in a document is as good as nothing. */
static const char *
or_nothing (const char *text)
{
  return text != NULL && text[0] != '\0' ? text : NULL;
}

/* *@agreed: what the words or the document say. */
static gboolean
agree (const char *what, const char *in_words, const char *in_document, const char **agreed,
       GError **error)
{
  *agreed = in_words != NULL ? in_words : or_nothing (in_document);
  return g_strcmp0 (*agreed, or_nothing (in_document) != NULL ? in_document : *agreed) == 0 ||
         fail (error, BACKEND_ERROR_INVALID, "the words and the document say different %s", what);
}

/* The first one of that name; NULL where @name is, too. */
static gboolean
resolve (const Place *place, const char *name, const char **id, GError **error)
{
  const Snapshot *snapshot = name != NULL ? domain_named (place->domain, name, 0) : NULL;

  *id = snapshot != NULL ? snapshot->id : NULL;
  return name == NULL || snapshot != NULL ||
         fail (error, BACKEND_ERROR_INVALID, "%s has no snapshot \"%s\"", place->domain->name,
               name);
}

/* The parent that a document names may be the current one also where no other can be asked for. */
static gboolean
settle_parent (const Place *place, CreateOptions *options, GError **error)
{
  if (options->parent == NULL || (row_can (place) & CAN_PARENT) != 0)
    return TRUE;
  if (g_strcmp0 (options->parent, place->domain->current) != 0)
    return fail (error, BACKEND_ERROR_UNSUPPORTED,
                 "the parent of a new snapshot of %s is its current one", place->domain->name);
  options->under = options->parent;
  options->parent = NULL;
  return TRUE;
}

static gboolean
ask_place (const Place *place, const CreateWords *words, const SnapshotDescription *description,
           CreateOptions *options, GError **error)
{
  const char *parent;

  return agree ("parents", words->parent, description != NULL ? description->parent : NULL, &parent,
                error) &&
         resolve (place, parent, &options->parent, error) &&
         resolve (place, words->from, &options->from, error) &&
         settle_parent (place, options, error);
}

static gboolean
ask_compression (const Place *place, const CreateWords *words,
                 const SnapshotDescription *description, CreateOptions *options, GError **error)
{
  if (!agree ("compressions", words->compression,
              description != NULL ? description->compression : NULL, &options->compression, error))
    return FALSE;
  return options->compression == NULL || (row_can (place) & CAN_COMPRESS) != 0 ||
         fail (error, BACKEND_ERROR_UNSUPPORTED, "snapshots of %s cannot be compressed",
               place->domain->name);
}

static gboolean
ask_memory (const CreateWords *words, const SnapshotDescription *description, Asking *asking,
            GError **error)
{
  gboolean described = description != NULL && description->memory != NULL;

  if (words->memory == NULL && described) {
    asking->options.memory = description->memory;
    asking->options.memory_file = description->memory_file;
  }
  if (words->memory == NULL)
    return TRUE;
  if (described)
    return fail (error, BACKEND_ERROR_INVALID, "--memspec and <memory> exclude each other");
  if (!spec_read_memory (words->memory, &asking->memory, &asking->memory_file, error))
    return FALSE;
  asking->options.memory = asking->memory;
  asking->options.memory_file = asking->memory_file;
  return TRUE;
}

static void
free_request (gpointer request)
{
  disk_request_free (request);
}

static gboolean
ask_disks (const CreateWords *words, const SnapshotDescription *description, Asking *asking,
           GError **error)
{
  asking->options.disks = description != NULL ? description->disks : NULL;
  if (words->disks == NULL)
    return TRUE;
  if (asking->options.disks != NULL)
    return fail (error, BACKEND_ERROR_INVALID, "--diskspec and <disks> exclude each other");
  asking->options.disks = asking->disks = g_ptr_array_new_with_free_func (free_request);
  for (guint i = 0; i < words->disks->len; i++) {
    DiskRequest *request = spec_read_disk (g_ptr_array_index (words->disks, i), error);

    if (request == NULL)
      return FALSE;
    g_ptr_array_add (asking->disks, request);
  }
  return TRUE;
}

/* @description NULL: there is no document. */
static gboolean
take_snapshot (const Place *place, const CreateWords *words, const SnapshotDescription *description,
               Job *job, GError **error)
{
  g_auto (Asking) asking = {
    .options = { .flags = create_words_flags (words),
                 .method = words->method,
                 .disk = words->disk },
  };
  CreateOptions *options = &asking.options;
  g_autofree char *id = NULL;

  if (!agree ("names", words->name, description != NULL ? description->name : NULL, &options->name,
              error) ||
      !agree ("descriptions", words->description,
              description != NULL ? description->description : NULL, &options->description,
              error) ||
      !ask_place (place, words, description, options, error) ||
      !ask_compression (place, words, description, options, error) ||
      !ask_memory (words, description, &asking, error) ||
      !ask_disks (words, description, &asking, error))
    return FALSE;
  id = backend_create (place->mount->backend, place->owner->name, options, job, error);
  return id != NULL;
}

/* Makes @text what both say. */
static gboolean
fill_in (const char *what, const char *in_words, char **text, GError **error)
{
  const char *agreed;

  if (!agree (what, in_words, *text, &agreed, error))
    return FALSE;
  if (agreed != NULL && agreed != *text) {
    g_free (*text);
    *text = g_strdup (agreed);
  }
  return TRUE;
}

static gboolean
install (const Place *place, const CreateWords *words, SnapshotDescription *description, Job *job,
         GError **error)
{
  const RedefineOptions options = { .current = words->current, .disk_only = words->disk_only };
  g_autofree char *id = NULL;

  if (!fill_in ("names", words->name, &description->name, error) ||
      !fill_in ("descriptions", words->description, &description->description, error))
    return FALSE;
  id = backend_redefine (place->mount->backend, place->owner->name, description, &options, job,
                         error);
  return id != NULL;
}

/* For the words it is all the same where the snapshot of one disk stands. */
static BackendCan
words_can (const Place *place)
{
  BackendCan can = row_can (place);

  return (can & CAN_DISK_IN_TREE) != 0 ? can | CAN_DISK : can;
}

Text *
usage_create (const Place *place)
{
  return create_words_usage (words_can (place));
}

gboolean
take_create (const Place *place, char **words, const Text *document, Job *job, GError **error)
{
  g_auto (CreateWords) asked = { 0 };
  g_autoptr (SnapshotDescription) description = NULL;

  if (!create_words_read (&asked, words_can (place), words, document != NULL, error))
    return FALSE;
  if (asked.validate && !snapshot_description_validate (document->data, document->length, error))
    return FALSE;
  if (document != NULL) {
    description = snapshot_description_parse (document->data, document->length, error);
    if (description == NULL)
      return FALSE;
  }
  return asked.redefine ? install (place, &asked, description, job, error)
                        : take_snapshot (place, &asked, description, job, error);
}

static gboolean
is_same_text (const Text *one, const Text *other)
{
  g_autofree char *a = g_strstrip (g_strdup (one->data));
  g_autofree char *b = g_strstrip (g_strdup (other->data));

  return strcmp (a, b) == 0;
}

gboolean
take_snapshot_xml (const Place *place, char **words, const Text *document, Job *job, GError **error)
{
  const Snapshot *snapshot = place->snapshot;
  const RedefineOptions options = { .snapshot = snapshot->id, .careful = TRUE };
  g_autoptr (SnapshotDescription) description = NULL;
  g_autofree char *id = NULL;

  /* Also where the domain cannot be changed now: a backup is copied back. */
  if (snapshot->xml != NULL && is_same_text (snapshot->xml, document))
    return TRUE;
  description = snapshot_description_parse (document->data, document->length, error);
  if (description == NULL)
    return FALSE;
  id = backend_redefine (place->mount->backend, place->owner->name, description, &options, job,
                         error);
  return id != NULL;
}
