/* Uuids as text, and those that follow from names: the same wherever and whenever they are asked
 * for. */
#include "uuid.h"

#include <string.h>

/* 5a1c92e4-7d0b-4f7e-9c38-76736e617066, made up for this purpose; it must never change. */
static const guint8 NAMESPACE[16] = { 0x5a, 0x1c, 0x92, 0xe4, 0x7d, 0x0b, 0x4f, 0x7e,
                                      0x9c, 0x38, 0x76, 0x73, 0x6e, 0x61, 0x70, 0x66 };

char *
uuid_text (const guint8 *bytes)
{
  GString *text = g_string_sized_new (36);
  for (guint i = 0; i < 16; i++)
    g_string_append_printf (text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                            bytes[i]);
  return g_string_free (text, FALSE);
}

/* RFC 4122, section 4.3. */
char *
uuid_of_name (const char *name)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA1);
  guint8 digest[20];
  gsize length = sizeof digest;
  g_checksum_update (sum, NAMESPACE, sizeof NAMESPACE);
  g_checksum_update (sum, (const guchar *)name, (gssize)strlen (name));
  g_checksum_get_digest (sum, digest, &length);
  digest[6] = (guint8)((digest[6] & 0x0f) | 0x50);
  digest[8] = (guint8)((digest[8] & 0x3f) | 0x80);
  return uuid_text (digest);
}
