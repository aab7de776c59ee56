/* What is said to the guest agent, and what is made of its answers.
 *
 * An agent has one channel for all its clients, one after the other, and answers in order.  So a
 * client that gave up leaves an answer for the next, who would take it for his own.  Hence the
 * agent's guest-sync-delimited: the byte 0xFF ends whatever was half said before, and the answer
 * to a number made up now, after a byte 0xFF, tells that everything older has been answered. */
#include "agent.h"
#include "json-socket.h"
#include "json-text.h"
#include <string.h>

#define LONGEST 65536 /* bytes of an answer; those to what is asked here have less than 300 */
#define DELIMITER 0xFF
#define LONGEST_REASON 200 /* characters of what it says when something went wrong */

struct Agent {
  JsonSocket *socket;
};

/* -------------------------------------------------------------------- answers */

/* NULL: it is not there, or no number. */
static JsonNode *
number_member (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);
  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64
             ? node
             : NULL;
}

static const char *
string_member (JsonObject *object, const char *name)
{
  const char *text = json_text_string (object, name);
  return text ? text : "";
}

/* FALSE with what it says went wrong. */
static gboolean
check_answer (JsonObject *answer, const char *command, GError **error)
{
  JsonNode *node = json_object_get_member (answer, "error");
  if (!node)
    return json_object_has_member (answer, "return") ||
           fail (error, BACKEND_ERROR_UNREACHABLE, "the guest agent's answer to %s is none",
                 command);
  JsonObject *problem = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const char *reason = problem ? string_member (problem, "desc") : "";
  gboolean unknown = problem && strcmp (string_member (problem, "class"), "CommandNotFound") == 0;
  g_autofree char *start =
      g_utf8_substring (reason, 0, MIN (g_utf8_strlen (reason, -1), LONGEST_REASON));
  return fail (error, unknown ? BACKEND_ERROR_UNSUPPORTED : BACKEND_ERROR_FAILED,
               "the guest agent fails at %s: %s", command, *start ? start : "it does not say why");
}

static gboolean
send_command (Agent *agent, const char *command, JsonObject *arguments, gint64 deadline,
              GError **error)
{
  g_autoptr (JsonObject) object = json_object_new ();
  json_object_set_string_member (object, "execute", command);
  if (arguments)
    json_object_set_object_member (object, "arguments", json_object_ref (arguments));
  return json_socket_send (agent->socket, object, deadline, error);
}

/* A line that is none, where one is due, is as good as no answer. */
static JsonObject *
ask (Agent *agent, const char *command, gint64 deadline, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  if (!send_command (agent, command, NULL, deadline, error))
    return NULL;
  g_autoptr (JsonObject) answer = json_socket_receive (agent->socket, deadline, &wrong);
  if (!answer) {
    fail (error, BACKEND_ERROR_UNREACHABLE, "the guest agent does not answer to %s: %s", command,
          wrong->message);
    return NULL;
  }
  return check_answer (answer, command, error) ? g_steal_pointer (&answer) : NULL;
}

/* -------------------------------------------------------------------- getting in step */

static gboolean
is_number (JsonObject *answer, gint64 number)
{
  JsonNode *node = number_member (answer, "return");
  return node && json_node_get_int (node) == number;
}

static gboolean
send_number (Agent *agent, gint64 number, gint64 deadline, GError **error)
{
  g_autoptr (JsonObject) arguments = json_object_new ();
  json_object_set_int_member (arguments, "id", number);
  return json_socket_send_byte (agent->socket, DELIMITER, deadline, error) &&
         send_command (agent, "guest-sync-delimited", arguments, deadline, error);
}

/* Throws away what is not the answer, be it what earlier clients have missed. */
static gboolean
find_number (Agent *agent, gint64 number, gint64 deadline, GError **error)
{
  for (;;) {
    g_autoptr (GError) wrong = NULL;
    if (!json_socket_skip_past (agent->socket, DELIMITER, deadline, error))
      return FALSE;
    g_autoptr (JsonObject) answer = json_socket_receive (agent->socket, deadline, &wrong);
    if (answer && is_number (answer, number))
      return TRUE;
    if (wrong && !g_error_matches (wrong, BACKEND_ERROR, BACKEND_ERROR_DAMAGED)) {
      g_propagate_error (error, g_steal_pointer (&wrong));
      return FALSE;
    }
  }
}

static gboolean
get_in_step (Agent *agent, gint64 deadline, GError **error)
{
  g_autoptr (GError) wrong = NULL;
  gint64 number = g_random_int_range (1, G_MAXINT32);
  if (send_number (agent, number, deadline, &wrong) &&
      find_number (agent, number, deadline, &wrong))
    return TRUE;
  return fail (error, BACKEND_ERROR_UNREACHABLE, "the guest agent does not answer: %s",
               wrong->message);
}

Agent *
agent_connect (const char *path, gint64 deadline, GError **error)
{
  g_autoptr (Agent) agent = g_new0 (Agent, 1);
  agent->socket = json_socket_connect (path, LONGEST, deadline, error);
  if (!agent->socket || !get_in_step (agent, deadline, error))
    return NULL;
  return g_steal_pointer (&agent);
}

void
agent_close (Agent *agent)
{
  g_clear_pointer (&agent->socket, json_socket_close);
  g_free (agent);
}

/* -------------------------------------------------------------------- file systems */

gboolean
agent_is_frozen (Agent *agent, gboolean *frozen, gint64 deadline, GError **error)
{
  g_autoptr (JsonObject) answer = ask (agent, "guest-fsfreeze-status", deadline, error);
  if (!answer)
    return FALSE;
  const char *status = string_member (answer, "return");
  *frozen = strcmp (status, "frozen") == 0;
  return *frozen || strcmp (status, "thawed") == 0 ||
         fail (error, BACKEND_ERROR_UNREACHABLE,
               "the guest agent does not say whether file systems are frozen");
}

gboolean
agent_freeze (Agent *agent, guint *count, gint64 deadline, GError **error)
{
  g_autoptr (JsonObject) answer = ask (agent, "guest-fsfreeze-freeze", deadline, error);
  if (!answer)
    return FALSE;
  JsonNode *node = number_member (answer, "return");
  gint64 said = node ? json_node_get_int (node) : -1;
  if (said < 0 || said > G_MAXINT32)
    return fail (error, BACKEND_ERROR_UNREACHABLE,
                 "the guest agent does not say how many file systems it has frozen");
  *count = (guint)said;
  return TRUE;
}

gboolean
agent_thaw (Agent *agent, gint64 deadline, GError **error)
{
  gboolean frozen = TRUE;
  g_autoptr (JsonObject) answer = ask (agent, "guest-fsfreeze-thaw", deadline, error);
  if (!answer || !agent_is_frozen (agent, &frozen, deadline, error))
    return FALSE;
  return !frozen || fail (error, BACKEND_ERROR_FAILED,
                          "the guest agent was told to thaw and says that it is frozen");
}
