/* Small files that tell whether they are what was written.
 *
 *   vmsnapfs VERSION SHA256-OF-THE-REST
 *   { … }
 *
 * A file is written once, under a name that commits nothing, and moved by its user; what is found
 * broken here was broken by others: a disk, an editor, a half-done copy. */
#include "sealed.h"
#include "json-text.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEAL "vmsnapfs "
#define VERSION_LENGTH 2 /* a digit and a space */
#define DIGEST_AT (strlen (SEAL) + VERSION_LENGTH)
#define SEAL_LENGTH (DIGEST_AT + 64 + 1) /* with the digest and the line's end */
#define LARGEST (4 * 1024 * 1024)        /* bytes; a record holds one domain.xml of 1 MiB */

/* Every byte that may stand in a record as it is, besides letters, digits and "-._~". */
#define PLAIN "\t\n !\"#$&'()*+,/:;<=>?@[\\]^`{|}"

static char *
escape (const char *value)
{
  return g_uri_escape_string (value, PLAIN, TRUE);
}

void
sealed_set_string (JsonObject *object, const char *member, const char *value)
{
  g_autofree char *escaped = value ? escape (value) : NULL;
  if (escaped)
    json_object_set_string_member (object, member, escaped);
}

void
sealed_add_string (JsonArray *array, const char *value)
{
  g_autofree char *escaped = escape (value);
  json_array_add_string_element (array, escaped);
}

static char *
sealed_text (guint version, JsonNode *root)
{
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  json_generator_set_root (generator, root);
  json_generator_set_pretty (generator, TRUE);
  g_autofree char *body = json_generator_to_data (generator, NULL);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, body, -1);
  return g_strdup_printf (SEAL "%u %s\n%s", version, digest, body);
}

static gboolean
write_all (int fd, const char *text, gsize length)
{
  while (length > 0) {
    ssize_t count = write (fd, text, length);
    if (count < 0 && errno != EINTR)
      return FALSE;
    if (count > 0) {
      text += count;
      length -= (gsize)count;
    }
  }
  return TRUE;
}

gboolean
sealed_write_as (int fd, const char *name, guint version, JsonNode *root, GError **error)
{
  g_autofree char *text = sealed_text (version, root);
  if (strlen (text) > LARGEST)
    return fail (error, BACKEND_ERROR_TEXT_TOO_BIG, "the record %s would be too large", name);
  int file = openat (fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    return fail_errno (error, "writing the record %s", name);
  gboolean written = write_all (file, text, strlen (text)) && fsync (file) == 0;
  int wrong = errno;
  close (file);
  errno = wrong;
  return written || fail_errno (error, "writing the record %s", name);
}

gboolean
sealed_write (int fd, const char *name, JsonNode *root, GError **error)
{
  return sealed_write_as (fd, name, SEALED_FIRST, root, error);
}

/* A reason that says nothing of the file, or that it is not there. */
static gboolean
may_pass (int number)
{
  return number == ENOENT || number == EMFILE || number == ENFILE || number == ENOMEM ||
         number == EINTR;
}

static char *
read_all (int fd, const char *name, gsize *length, GError **error)
{
  int file = openat (fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (file < 0 && !may_pass (errno)) {
    fail (error, BACKEND_ERROR_DAMAGED, "record %s: %s", name, g_strerror (errno));
    return NULL;
  }
  if (file < 0) {
    fail_errno (error, "record %s", name);
    return NULL;
  }
  if (fstat (file, &status) < 0 || !S_ISREG (status.st_mode) || status.st_size > LARGEST) {
    close (file);
    fail (error, BACKEND_ERROR_DAMAGED, "record %s is no file that was written here", name);
    return NULL;
  }
  g_autofree char *text = g_malloc ((gsize)status.st_size + 1);
  ssize_t count = pread (file, text, (gsize)status.st_size, 0);
  int wrong = errno;
  close (file);
  errno = wrong;
  if (count < 0) {
    fail (error, BACKEND_ERROR_DAMAGED, "record %s: %s", name, g_strerror (errno));
    return NULL;
  }
  text[count] = '\0';
  *length = (gsize)count;
  return g_steal_pointer (&text);
}

/* 0: none that is known here. */
static guint
seal_version (const char *text)
{
  const char *digit = text + strlen (SEAL);
  guint version = (guint)(*digit - '0');
  return version >= SEALED_FIRST && version <= SEALED_OF_DISK && digit[1] == ' ' ? version : 0;
}

/* A version that is not known may be damage as well. */
static gboolean
is_later (const char *text, gsize length)
{
  return length > SEAL_LENGTH && g_str_has_prefix (text, SEAL) && seal_version (text) == 0;
}

static gboolean
seal_holds (const char *text, gsize length)
{
  if (length <= SEAL_LENGTH || memcmp (text, SEAL, strlen (SEAL)) != 0 ||
      seal_version (text) == 0 || text[SEAL_LENGTH - 1] != '\n')
    return FALSE;
  g_autofree char *digest = g_compute_checksum_for_data (
      G_CHECKSUM_SHA256, (const guchar *)text + SEAL_LENGTH, length - SEAL_LENGTH);
  return memcmp (text + DIGEST_AT, digest, 64) == 0;
}

JsonObject *
sealed_read (int fd, const char *name, GError **error)
{
  gsize length = 0;
  g_autofree char *text = read_all (fd, name, &length, error);
  if (!text)
    return NULL;
  JsonObject *object = seal_holds (text, length) ? json_text_object (text + SEAL_LENGTH) : NULL;
  if (object)
    return object;
  fail (error, BACKEND_ERROR_DAMAGED, "record %s is damaged%s", name,
        is_later (text, length) ? ", or of a later version of this program"
                                : ": its checksum does not hold");
  return NULL;
}

/* NULL gives NULL. */
static char *
unescape (const char *escaped)
{
  return escaped ? g_uri_unescape_string (escaped, NULL) : NULL;
}

/* A member that is a plain value; NULL: absent, or something else. */
static JsonNode *
value (JsonObject *object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);
  return node && JSON_NODE_HOLDS_VALUE (node) ? node : NULL;
}

char *
sealed_string (JsonObject *object, const char *member)
{
  JsonNode *node = value (object, member);
  return node ? unescape (json_node_get_string (node)) : NULL;
}

gint64
sealed_number (JsonObject *object, const char *member)
{
  JsonNode *node = value (object, member);
  return node ? json_node_get_int (node) : 0;
}

gboolean
sealed_flag (JsonObject *object, const char *member)
{
  JsonNode *node = value (object, member);
  return node && json_node_get_boolean (node);
}

static JsonNode *
element (JsonObject *object, const char *member, guint index)
{
  JsonNode *node = json_object_get_member (object, member);
  if (!node || !JSON_NODE_HOLDS_ARRAY (node))
    return NULL;
  JsonArray *array = json_node_get_array (node);
  return index < json_array_get_length (array) ? json_array_get_element (array, index) : NULL;
}

JsonObject *
sealed_element (JsonObject *object, const char *member, guint index)
{
  JsonNode *node = element (object, member, index);
  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

char *
sealed_element_string (JsonObject *object, const char *member, guint index)
{
  JsonNode *node = element (object, member, index);
  return node && JSON_NODE_HOLDS_VALUE (node) ? unescape (json_node_get_string (node)) : NULL;
}
