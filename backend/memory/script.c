/* The keys of "memory:?...", one function each.
 *
 * Every mistake in a script is an error: a test that misspells a word must not pass.  Scripts are
 * carried out in memory.c. */
#include "script.h"

#define SNAPSHOTS_LIMIT 1000000
#define ORPHANS_LIMIT 99
#define MILLISECONDS_LIMIT 600000

static const char *const operation_names[] = {
  [OP_CREATE] = "create",   [OP_REDEFINE] = "redefine", [OP_DISCARD] = "discard",
  [OP_MERGE] = "merge",     [OP_REVERT] = "revert",     [OP_CURRENT] = "current",
  [OP_HOLD] = "hold",       [OP_DESCRIBE] = "describe", [OP_RENAME] = "rename",
  [OP_OPEN] = "open",       [OP_READ] = "read",         [OP_EXTENT] = "extent",
  [OP_MEASURE] = "measure",
};

static const struct {
  const char *word;
  BackendError code;
} code_names[] = {
  { "failed", BACKEND_ERROR_FAILED },
  { "not-found", BACKEND_ERROR_NOT_FOUND },
  { "exists", BACKEND_ERROR_EXISTS },
  { "not-empty", BACKEND_ERROR_NOT_EMPTY },
  { "busy", BACKEND_ERROR_BUSY },
  { "invalid", BACKEND_ERROR_INVALID },
  { "denied", BACKEND_ERROR_DENIED },
  { "read-only", BACKEND_ERROR_READ_ONLY },
  { "unsupported", BACKEND_ERROR_UNSUPPORTED },
  { "not-current", BACKEND_ERROR_NOT_CURRENT },
  { "no-space", BACKEND_ERROR_NO_SPACE },
  { "damaged", BACKEND_ERROR_DAMAGED },
  { "stale", BACKEND_ERROR_STALE },
  { "unreachable", BACKEND_ERROR_UNREACHABLE },
  { "cancelled", BACKEND_ERROR_CANCELLED },
};

const char *
script_operation_name (Operation operation)
{
  return operation_names[operation];
}

static gboolean
parse_number (const char *text, guint limit, guint *number, GError **error)
{
  guint64 value;

  if (!g_ascii_string_to_unsigned (text, 10, 0, limit, &value, NULL))
    return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not a number up to %u", text, limit);
  *number = (guint)value;
  return TRUE;
}

static gboolean
parse_operation (const char *text, Operation *operation, GError **error)
{
  for (guint i = 0; i < OP_COUNT; i++)
    if (g_str_equal (operation_names[i], text)) {
      *operation = (Operation)i;
      return TRUE;
    }
  return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not an operation", text);
}

static gboolean
parse_code (const char *text, BackendError *code, GError **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (code_names); i++)
    if (g_str_equal (code_names[i].word, text)) {
      *code = code_names[i].code;
      return TRUE;
    }
  return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not a kind of failure", text);
}

static gboolean
parse_snapshots (Script *script, const char *value, GError **error)
{
  script->has_tree = TRUE;
  return parse_number (value, SNAPSHOTS_LIMIT, &script->snapshots, error);
}

static gboolean
parse_fanout (Script *script, const char *value, GError **error)
{
  if (!parse_number (value, SNAPSHOTS_LIMIT, &script->fanout, error))
    return FALSE;
  if (script->fanout == 0)
    return fail (error, BACKEND_ERROR_INVALID, "a fanout of 0");
  return TRUE;
}

static gboolean
parse_chain (Script *script, const char *value, GError **error)
{
  script->has_chain = TRUE;
  return parse_number (value, SNAPSHOTS_LIMIT, &script->chain, error);
}

static gboolean
parse_pair (Script *script, const char *value, GError **error)
{
  script->has_pair = TRUE;
  return parse_number (value, SNAPSHOTS_LIMIT, &script->pair, error);
}

static gboolean
parse_orphans (Script *script, const char *value, GError **error)
{
  return parse_number (value, ORPHANS_LIMIT, &script->orphans, error);
}

static gboolean
parse_get (Script *script, const char *value, GError **error)
{
  return parse_number (value, MILLISECONDS_LIMIT, &script->get, error);
}

static gboolean
parse_delay (Script *script, const char *value, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (value, ":", -1);
  Operation operation = OP_COUNT;

  if (g_strv_length (parts) != 2)
    return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not OP:MILLISECONDS", value);
  return parse_operation (parts[0], &operation, error) &&
         parse_number (parts[1], MILLISECONDS_LIMIT, &script->operations[operation].delay, error);
}

static gboolean
parse_fail (Script *script, const char *value, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (value, ":", -1);
  guint length = g_strv_length (parts);
  guint count = G_MAXUINT;
  Operation operation = OP_COUNT;

  if (length != 2 && length != 3)
    return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is not OP:CODE or OP:CODE:COUNT", value);
  if (!parse_operation (parts[0], &operation, error) ||
      !parse_code (parts[1], &script->operations[operation].code, error))
    return FALSE;
  if (length == 3 && !parse_number (parts[2], G_MAXUINT, &count, error))
    return FALSE;
  script->operations[operation].failures = count;
  return TRUE;
}

static const struct {
  const char *name;
  gboolean (*parse) (Script *script, const char *value, GError **error);
} keys[] = {
  { "snapshots", parse_snapshots }, { "fanout", parse_fanout },   { "chain", parse_chain },
  { "pair", parse_pair },           { "orphans", parse_orphans }, { "get", parse_get },
  { "delay", parse_delay },         { "fail", parse_fail },
};

static gboolean
parse_key (Script *script, const char *pair, GError **error)
{
  g_auto (GStrv) parts = g_strsplit (pair, "=", 2);

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (g_strv_length (parts) == 2 && g_str_equal (keys[i].name, parts[0])) {
      if (keys[i].parse (script, parts[1], error))
        return TRUE;
      return fail_in (error, "%s", keys[i].name);
    }
  return fail (error, BACKEND_ERROR_INVALID, "memory: does not know \"%s\"", pair);
}

gboolean
script_parse (const char *text, Script *script, GError **error)
{
  g_auto (GStrv) pairs = g_strsplit (text, "&", -1);

  *script = (Script){ .fanout = 10 };
  for (guint i = 0; pairs[i] != NULL; i++)
    if (!parse_key (script, pairs[i], error))
      return FALSE;
  return TRUE;
}
