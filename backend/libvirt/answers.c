/* Answers to libvirt's questions: asked once, by libvirt's own prompts, and kept.
 *
 * A question is known by its kind and its words.  An answer that was wrong would be given again for
 * ever, but whoever is asked is asked before the process goes into the background, and a wrong
 * answer ends the program there. */
#include "answers.h"

#include <string.h>
#include <unistd.h>

struct Answers {
  GHashTable *given; /* of char *, by question */
  gboolean ask;
  virConnectAuth auth;
};

static void
free_secret (gpointer data)
{
  char *secret = data;

  explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

static char *
question_of (const virConnectCredential *asked)
{
  return g_strdup_printf ("%d %s %s", asked->type, asked->prompt != NULL ? asked->prompt : "",
                          asked->challenge != NULL ? asked->challenge : "");
}

/* libvirt frees the copy. */
static void
put (virConnectCredential *asked, const char *answer)
{
  asked->result = strdup (answer);
  asked->resultlen = asked->result != NULL ? (unsigned int)strlen (answer) : 0;
}

static gboolean
ask_person (Answers *answers, virConnectCredential *asked, char *question)
{
  if (!answers->ask || !isatty (STDIN_FILENO) || !isatty (STDERR_FILENO) ||
      virConnectAuthPtrDefault->cb (asked, 1, virConnectAuthPtrDefault->cbdata) < 0) {
    g_free (question);
    return FALSE;
  }
  if (asked->result != NULL)
    g_hash_table_insert (answers->given, question, g_strdup (asked->result));
  else
    g_free (question);
  return TRUE;
}

static gboolean
answer (Answers *answers, virConnectCredential *asked)
{
  char *question = question_of (asked);
  const char *given = g_hash_table_lookup (answers->given, question);

  if (given == NULL)
    return ask_person (answers, asked, question);
  put (asked, given);
  g_free (question);
  return TRUE;
}

static int
answer_all (virConnectCredentialPtr asked, unsigned int count, void *data)
{
  for (unsigned int i = 0; i < count; i++)
    if (!answer (data, &asked[i]))
      return -1;
  return 0;
}

Answers *
answers_new (void)
{
  Answers *answers = g_new0 (Answers, 1);

  answers->given = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_secret);
  return answers;
}

void
answers_free (Answers *answers)
{
  g_hash_table_unref (answers->given);
  g_free (answers);
}

virConnectAuth *
answers_auth (Answers *answers, gboolean ask)
{
  answers->ask = ask;
  answers->auth = (virConnectAuth){ .credtype = virConnectAuthPtrDefault->credtype,
                                    .ncredtype = virConnectAuthPtrDefault->ncredtype,
                                    .cb = answer_all,
                                    .cbdata = answers };
  return &answers->auth;
}
