/* Directories: opendir takes the listing, readdir and readdirplus hand it out.
 *
 * Because the listing stands still, an offset is an index, and what others
 * create or remove meanwhile neither repeats nor hides an entry.  readdirplus
 * gives attributes only where the picture is still the same and they may be
 * kept; any other entry has node 0, from which the kernel takes name and type
 * and asks for the rest when somebody wants it. */
#include "attr.h"
#include "operations.h"
#include "request.h"

#include <string.h>

#define DOTS 2 /* "." and ".." come first */

/* Never changes while it is open. */
typedef struct {
  OpenThing thing;
  Place place; /* with the picture that the listing is of */
  Listing listing;
  Wait never; /* what place.wait means once the request is gone */
  guint64 number;
  guint64 above; /* of the directory that this one is in */
} Handle;

static void
free_dir (OpenThing *thing)
{
  Handle *dir = (Handle *)thing;

  listing_clear (&dir->listing);
  place_clear (&dir->place);
  g_free (dir);
}

/* The number of the directory above; only shown as that of "..". */
static guint64
number_above (const Place *place)
{
  g_auto (Place) above = { 0 };
  Identity about;

  if (place->snapshot == NULL || place->kind->name != NULL)
    return FUSE_ROOT_ID;
  above = place_above (place);
  about = place_identity (&above);
  return nodes_number (place->mount->nodes, &about);
}

static gboolean
open_dir (Request *request, GError **error)
{
  struct fuse_file_info file = request->arguments.file;
  g_auto (Place) place = { 0 };
  g_auto (Listing) listing = { 0 };
  Handle *dir;

  if (!request_place (request, &place, error))
    return FALSE;
  if (!S_ISDIR (place.kind->mode))
    return fail (error, BACKEND_ERROR_INVALID, "this is not a directory");
  if (!place_list (&place, &listing, error))
    return FALSE;
  dir = g_new0 (Handle, 1);
  dir->number = request->node->number;
  dir->above = number_above (&place);
  dir->place = place;
  dir->place.wait = &dir->never;
  dir->listing = listing;
  place.domain = NULL;
  listing = (Listing){ 0 };
  opened_add (request->mount->opened, &dir->thing, free_dir);
  file.fh = (guintptr)dir;
  return request_answer_open (request, &file);
}

void
op_opendir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  request_run (req, "readdir", open_dir, ino, &(Arguments){ .file = *file });
}

/* One reply of readdir or readdirplus while it is being filled. */
typedef struct {
  fuse_req_t req;
  Handle *dir;
  Domain *now; /* the picture if it is still the listing's; NULL: give no attributes */
  gboolean plus;
  char *bytes;
  gsize size;
  gsize used;
} Filling;

/* The entry as a place in the listing's picture. */
static Place
entry_place (const Filling *filling, const Entry *entry)
{
  Place place = filling->dir->place;

  place.kind = entry->kind;
  place.owner = entry->owner;
  place.snapshot = entry->snapshot;
  place.disk = entry->disk;
  place.flat = place.flat || entry->kind->flat;
  return place;
}

/* A domain that nobody has looked at. */
static gboolean
is_unseen_domain (const Place *place)
{
  return place->owner == NULL && place->kind->role != NULL;
}

static guint64
number_of (const Place *place)
{
  Identity about = place_identity (place);

  if (is_unseen_domain (place))
    return 0xffffffff; /* libfuse's "unknown" */
  return nodes_number (place->mount->nodes, &about);
}

/* FALSE: it does not fit any more. */
static gboolean
add_plain (Filling *filling, const char *name, guint64 number, mode_t mode, off_t next)
{
  struct stat stat = { .st_ino = number, .st_mode = mode };
  gsize left = filling->size - filling->used;
  gsize size =
      fuse_add_direntry (filling->req, filling->bytes + filling->used, left, name, &stat, next);

  if (size > left)
    return FALSE;
  filling->used += size;
  return TRUE;
}

/* Attributes that the kernel may keep; FALSE where it had better ask later. */
static gboolean
fill_attributes (const Filling *filling, const Place *place, struct fuse_entry_param *param)
{
  if (place->kind->changes || is_unseen_domain (place) ||
      (place->owner != NULL && filling->now == NULL))
    return FALSE;
  return attr_entry (place, param, NULL);
}

static gboolean
add_plus (Filling *filling, const char *name, const Place *place, off_t next)
{
  struct fuse_entry_param param = { 0 };
  gsize left = filling->size - filling->used;
  gsize size = fuse_add_direntry_plus (filling->req, NULL, 0, name, NULL, 0);

  /* Measured first, because filling in the attributes counts a lookup. */
  if (size > left)
    return FALSE;
  if (!fill_attributes (filling, place, &param)) {
    param = (struct fuse_entry_param){ 0 };
    param.attr.st_ino = number_of (place);
    param.attr.st_mode = place->kind->mode;
  }
  fuse_add_direntry_plus (filling->req, filling->bytes + filling->used, left, name, &param, next);
  filling->used += size;
  return TRUE;
}

static gboolean
add_dots (Filling *filling, const char *name, guint64 number, off_t next)
{
  struct fuse_entry_param param = { .attr = { .st_ino = number, .st_mode = S_IFDIR } };
  gsize left = filling->size - filling->used;
  gsize size;

  if (!filling->plus)
    return add_plain (filling, name, number, S_IFDIR, next);
  size = fuse_add_direntry_plus (filling->req, filling->bytes + filling->used, left, name, &param,
                                 next);
  if (size > left)
    return FALSE;
  filling->used += size;
  return TRUE;
}

static gboolean
add_entry (Filling *filling, gsize index, off_t next)
{
  const Listing *listing = &filling->dir->listing;
  const Entry *entry = &g_array_index (listing->entries, Entry, index);
  const char *name = listing_name (listing, entry);
  Place place = entry_place (filling, entry);

  if (filling->plus)
    return add_plus (filling, name, &place, next);
  return add_plain (filling, name, number_of (&place), entry->kind->mode, next);
}

static void
fill (Filling *filling, gsize at)
{
  Handle *dir = filling->dir;
  gsize count = dir->listing.entries->len + DOTS;
  gboolean fits = TRUE;

  if (at == 0)
    fits = add_dots (filling, ".", dir->number, 1);
  if (fits && at <= 1)
    fits = add_dots (filling, "..", dir->above, 2);
  for (gsize i = MAX (at, DOTS); fits && i < count; i++)
    fits = add_entry (filling, i - DOTS, (off_t)i + 1);
}

static gboolean
answer_filled (Request *request, gboolean plus)
{
  const Arguments *arguments = &request->arguments;
  Handle *dir = (Handle *)(guintptr)arguments->file.fh;
  g_autoptr (Domain) now = NULL;
  Filling filling = { .req = request_raw (request), .dir = dir, .plus = plus };

  if ((guint64)arguments->offset >= dir->listing.entries->len + DOTS)
    return request_answer_bytes (request, NULL, 0);
  if (plus && dir->place.owner != NULL)
    now = backend_peek_domain (request->mount->backend, dir->place.owner->name);
  filling.now = now == dir->place.domain ? now : NULL;
  filling.size = arguments->size;
  filling.bytes = g_malloc (filling.size);
  fill (&filling, (gsize)arguments->offset);
  return request_answer_listing (request, filling.bytes, filling.used, plus);
}

static gboolean
read_dir (Request *request, GError **error)
{
  return answer_filled (request, FALSE);
}

static gboolean
read_dir_plus (Request *request, GError **error)
{
  return answer_filled (request, TRUE);
}

void
op_readdir (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *file)
{
  request_run (req, "readdir", read_dir, 0,
               &(Arguments){ .size = size, .offset = offset, .file = *file });
}

void
op_readdirplus (fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                struct fuse_file_info *file)
{
  request_run (req, "readdir", read_dir_plus, 0,
               &(Arguments){ .size = size, .offset = offset, .file = *file });
}

static gboolean
release_dir (Request *request, GError **error)
{
  opened_release (request->arguments.file.fh);
  return request_answer_nothing (request);
}

void
op_releasedir (fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
  request_run (req, "releasedir", release_dir, 0, &(Arguments){ .file = *file });
}
