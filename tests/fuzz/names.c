/* Names.  Whatever the bytes before the first NUL:
 *
 * - as a true name, they have a file name of 1 to 255 bytes in UTF-8 that is no other file's and
 *   leads back to them, unless it was cut off (or they are none), which it says;
 * - as a file name that somebody typed, they are refused, or the name behind them has just this
 *   file name. */
#include "../../fs/names.h"
#include "fuzz.h"
#include <string.h>

#define MARK "%~"

static const char *const reserved[] = { "snapshot.xml", "domain.xml", "description", "info",
                                        "disks",        "control",    "current",     NULL };

static void
check_encoding (const char *name)
{
  g_autofree char *file_name = name_encode (name);
  g_autofree char *back = name_true (file_name);
  g_autofree char *decoded = name_decode (file_name, NULL);
  MUST (file_name[0] != '\0' && file_name[0] != '.' && strlen (file_name) <= 255);
  MUST (!strchr (file_name, '/') && g_utf8_validate (file_name, -1, NULL));
  MUST (!g_strv_contains (reserved, file_name));
  if (strstr (file_name, MARK)) {
    MUST (name[0] == '\0' || strlen (name) > 255 / 3);
    MUST (!back && !decoded);
    return;
  }
  MUST (g_strcmp0 (back, name) == 0);
  /* Nobody may type what is not UTF-8, not even escaped. */
  if (g_utf8_validate (name, -1, NULL))
    MUST (g_strcmp0 (decoded, name) == 0);
  else
    MUST (!decoded);
}

static void
check_decoding (const char *file_name)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = name_decode (file_name, &error);
  must_agree (name != NULL, error);
  if (!name)
    return;
  g_autofree char *again = name_encode (name);
  MUST (strcmp (again, file_name) == 0);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *)data, size);
  check_encoding (text);
  check_decoding (text);
  return 0;
}
