/* Names: how snapshot names become file names and back.
 *
 * The one idea: there is exactly one file name for each true name, so decoding
 * is "undo the escapes, encode again, compare".  `%` itself is always escaped,
 * hence "%~" can only be a mark of ours: cut off, or told apart from a
 * namesake.  Nothing here knows which directory a name is in. */
#include "names.h"

#include "../backend/error.h"

#include <string.h>

#define LONGEST 255 /* bytes in a file name, NAME_MAX */
#define CUT 230     /* bytes that are left of a longer one, before its mark */
#define DIGITS 16   /* of the digest in that mark */
#define MARK "%~"

static const char *const reserved_names[] = {
  "snapshot.xml", "domain.xml", "description", "info", "disks", "control", "current",
};

static gboolean
is_reserved (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (reserved_names); i++)
    if (strcmp (name, reserved_names[i]) == 0)
      return TRUE;
  return FALSE;
}

/* How many bytes at @at may stand for themselves: a whole character, or 0. */
static gsize
plain_bytes (const char *at)
{
  guchar byte = (guchar)*at;
  gunichar character;

  if (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '%')
    return 0;
  if (byte < 0x80)
    return 1;
  character = g_utf8_get_char_validated (at, -1);
  if (character == (gunichar)-1 || character == (gunichar)-2)
    return 0;
  return (gsize)(g_utf8_next_char (at) - at);
}

/* Appends @name escaped, but no more than @most bytes and nothing in halves.  FALSE when it did not
 * fit. */
static gboolean
append_escaped (GString *out, const char *name, gboolean escape_first, gsize most)
{
  gboolean escape = escape_first;

  for (const char *at = name; *at != '\0';) {
    gsize plain = escape ? 0 : plain_bytes (at);

    if (out->len + (plain > 0 ? plain : 3) > most)
      return FALSE;
    if (plain > 0)
      g_string_append_len (out, at, (gssize)plain);
    else
      g_string_append_printf (out, "%%%02X", (guchar)*at);
    at += plain > 0 ? plain : 1;
    escape = FALSE;
  }
  return TRUE;
}

/* @apart: what tells it from its namesakes (NULL: it has none before it), @id: what the digest of
 * a namesake that is cut off as well depends on. */
static char *
encode (const char *name, const char *apart, const char *id)
{
  gboolean escape_first = name[0] == '.' || is_reserved (name);
  g_autoptr (GString) out = g_string_sized_new (strlen (name) + 32);
  g_autoptr (GChecksum) digest = NULL;
  gboolean fits = append_escaped (out, name, escape_first, LONGEST);

  if (fits && (apart != NULL || name[0] == '\0')) {
    g_string_append (out, MARK);
    fits = append_escaped (out, apart != NULL ? apart : "", FALSE, LONGEST) && out->len <= LONGEST;
  }
  if (fits)
    return g_string_free (g_steal_pointer (&out), FALSE);

  g_string_truncate (out, 0);
  append_escaped (out, name, escape_first, CUT);
  digest = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (digest, (const guchar *)name, (gssize)strlen (name));
  if (apart != NULL)
    g_checksum_update (digest, (const guchar *)id, (gssize)strlen (id) + 1);
  g_string_append (out, MARK);
  g_string_append_len (out, g_checksum_get_string (digest), DIGITS);
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
name_encode (const char *name)
{
  return encode (name, NULL, NULL);
}

/* The byte behind "%XX"; -1 when it is none (only upper-case digits are). */
static int
escaped_byte (const char *at)
{
  if (!g_ascii_isxdigit (at[1]) || !g_ascii_isxdigit (at[2]))
    return -1;
  if (g_ascii_islower (at[1]) || g_ascii_islower (at[2]))
    return -1;
  return g_ascii_xdigit_value (at[1]) * 16 + g_ascii_xdigit_value (at[2]);
}

/* @length bytes of @file_name without their escapes; NULL when one is malformed or stands for NUL.
 */
static char *
unescape (const char *file_name, gsize length)
{
  g_autoptr (GString) out = g_string_sized_new (length);

  for (gsize i = 0; i < length; i++) {
    int byte = (guchar)file_name[i];

    if (byte == '%') {
      byte = length - i >= 3 ? escaped_byte (file_name + i) : -1;
      i += 2;
    }
    if (byte <= 0)
      return NULL;
    g_string_append_c (out, (char)byte);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
name_true (const char *file_name)
{
  g_autofree char *name = unescape (file_name, strlen (file_name));
  g_autofree char *again = name != NULL ? name_encode (name) : NULL;

  if (again == NULL || strcmp (again, file_name) != 0)
    return NULL;
  return g_steal_pointer (&name);
}

static gboolean
refuse_spelling (const char *file_name, GError **error)
{
  g_autofree char *canonical = name_encode (file_name);

  return fail (error, BACKEND_ERROR_INVALID,
               "\"%s\" is not how a name is spelled here; write %s for that very name", file_name,
               canonical);
}

char *
name_decode (const char *file_name, GError **error)
{
  g_autofree char *name = NULL;
  g_autofree char *again = NULL;
  gboolean ok = TRUE;

  if (strlen (file_name) > LONGEST)
    ok = fail (error, BACKEND_ERROR_NAME_TOO_LONG, "a name may have %d bytes, this one has %zu",
               LONGEST, strlen (file_name));
  else if (!g_utf8_validate (file_name, -1, NULL))
    ok = fail (error, BACKEND_ERROR_BAD_ENCODING, "the name is not valid UTF-8");
  else if (file_name[0] == '\0' || file_name[0] == '.' || is_reserved (file_name))
    ok = fail (error, BACKEND_ERROR_INVALID, "\"%s\" is reserved and cannot name a snapshot",
               file_name);
  else if ((name = unescape (file_name, strlen (file_name))) == NULL)
    ok = refuse_spelling (file_name, error);
  else if (!g_utf8_validate (name, -1, NULL))
    ok = fail (error, BACKEND_ERROR_BAD_ENCODING, "the name behind \"%s\" is not valid UTF-8",
               file_name);
  if (!ok)
    return NULL;

  again = name_encode (name);
  if (strcmp (again, file_name) != 0) {
    refuse_spelling (file_name, error);
    return NULL;
  }
  return g_steal_pointer (&name);
}

char *
name_of_snapshot (const Domain *domain, const Snapshot *snapshot)
{
  gboolean apart = snapshot->name[0] == '\0' || domain_namesakes_before (domain, snapshot) > 0;

  return encode (snapshot->name, apart ? snapshot->mark : NULL, snapshot->id);
}

static gboolean
is_called (const Domain *domain, const Snapshot *snapshot, const char *file_name)
{
  g_autofree char *called = name_of_snapshot (domain, snapshot);

  return strcmp (called, file_name) == 0;
}

/* Those of one disk, or of the domain (NULL). */
static const Snapshot *
named (const Domain *domain, const char *disk, const char *name, guint nth)
{
  return disk != NULL ? domain_disk_named (domain, disk, name, nth)
                      : domain_named (domain, name, nth);
}

/* A later namesake: "NAME%~MARK". */
static const Snapshot *
find_namesake (const Domain *domain, const char *disk, const char *file_name, const char *mark)
{
  g_autofree char *name = unescape (file_name, (gsize)(mark - file_name));
  g_autofree char *apart = unescape (mark + strlen (MARK), strlen (mark + strlen (MARK)));
  const Snapshot *snapshot;

  if (name == NULL || apart == NULL)
    return NULL;
  for (guint nth = 0; (snapshot = named (domain, disk, name, nth)) != NULL; nth++)
    if (g_strcmp0 (snapshot->mark, apart) == 0 && is_called (domain, snapshot, file_name))
      return snapshot;
  return NULL;
}

/* One that was cut off: only its digest says which, so every long name is tried. */
static const Snapshot *
find_cut (const Domain *domain, const char *disk, const char *file_name)
{
  const GPtrArray *all =
      disk != NULL ? domain_disk_snapshots (domain, disk) : domain_snapshots (domain);

  for (guint i = 0; i < all->len; i++) {
    const Snapshot *snapshot = g_ptr_array_index (all, i);

    if (strlen (snapshot->name) > CUT / 3 && is_called (domain, snapshot, file_name))
      return snapshot;
  }
  return NULL;
}

char *
name_of_disk (const Disk *disk, const char *suffix)
{
  g_autofree char *target = name_encode (disk->target);

  return g_strconcat (target, suffix, NULL);
}

const Snapshot *
name_find_disk_snapshot (const Domain *domain, const char *disk, const char *file_name)
{
  const char *mark = g_strrstr (file_name, MARK);
  const Snapshot *snapshot;
  g_autofree char *name = NULL;

  if (mark != NULL) {
    snapshot = find_namesake (domain, disk, file_name, mark);
    if (snapshot == NULL && mark - file_name > CUT - 4 && strlen (mark) == strlen (MARK) + DIGITS)
      snapshot = find_cut (domain, disk, file_name);
    return snapshot;
  }
  name = name_true (file_name);
  snapshot = name != NULL ? named (domain, disk, name, 0) : NULL;
  /* The first of its disk may be a later one in the tree. */
  if (snapshot != NULL && disk != NULL && !is_called (domain, snapshot, file_name))
    return NULL;
  return snapshot;
}

const Snapshot *
name_find_snapshot (const Domain *domain, const char *file_name)
{
  return name_find_disk_snapshot (domain, NULL, file_name);
}
