/* Documents that come in pieces. */
#include "../../fs/document.h"
#include "../testing.h"

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Document, document_clear)

/* 0, or the code of the refusal plus one. */
static guint
add (Document *document, const char *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  gboolean after;

  if (document_add (document, TRUE, data, size, &after, &error)) {
    assert_null (error);
    return 0;
  }
  assert_non_null (error);
  assert_int_equal (document->state, DOCUMENT_REFUSED);
  return (guint)error->code + 1;
}

static const char *const whole[] = {
  "<a/>",
  " \n<a></a>\n\n",
  "<?xml version='1.0'?>\n<!-- <b> -->\n<a><b c='>'/><d e=\"</a>\">x</d></a>\n",
  "<a><![CDATA[</a>]]]]><?p </a> ?><!-- - --></a >",
};

static void
a_document_is_whole_with_its_last_byte_whatever_the_pieces (void **state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (whole); i++)
    for (gsize piece = 1; piece <= strlen (whole[i]); piece++) {
      g_auto (Document) document = { 0 };
      g_autofree char *text = g_strstrip (g_strdup (whole[i]));
      gsize length = strlen (text);

      for (gsize at = 0; at < length; at += piece) {
        assert_false (document.state == DOCUMENT_WHOLE);
        assert_int_equal (add (&document, text + at, MIN (piece, length - at)), 0);
      }
      assert_int_equal (document.state, DOCUMENT_WHOLE);
      assert_true (document_is_done (&document, NULL));
    }
}

static void
words_may_come_first (void **state)
{
  static const char *const texts[] = { "a 'b\n-' -\n<x/>", "a \"b\n-\"  - \n <x/>\n",
                                       "\n a 'b\n-' - \r\n<x/>" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_auto (Document) document = { 0 };

    assert_int_equal (add (&document, texts[i], strlen (texts[i])), 0);
    assert_int_equal (document.state, DOCUMENT_WHOLE);
    assert_int_equal (g_strv_length (document.words), 2);
    assert_string_equal (document.words[1], "b\n-");
  }
}

static void
words_and_document_may_be_two_writes (void **state)
{
  g_auto (Document) document = { 0 };
  gboolean after;

  assert_int_equal (add (&document, "a -", 3), 0);
  assert_int_equal (document.state, DOCUMENT_WAITS);
  assert_false (document_is_done (&document, NULL));
  assert_int_equal (add (&document, "\n<x>", 4), 0);
  assert_int_equal (add (&document, "</x>\n", 5), 0);
  assert_int_equal (document.state, DOCUMENT_WHOLE);
  assert_string_equal (document.bytes->str, "\n<x></x>\n");
  assert_true (document_add (&document, TRUE, " \n", 2, &after, NULL) && after);
  assert_int_equal (add (&document, "b", 1), BACKEND_ERROR_INVALID + 1);
}

static void
words_alone_are_whole (void **state)
{
  g_auto (Document) document = { 0 };

  assert_int_equal (add (&document, "a b\nc", 5), 0);
  assert_int_equal (document.state, DOCUMENT_WHOLE);
  assert_int_equal (g_strv_length (document.words), 3);
  assert_null (document_text (&document));
}

static void
what_is_no_document_is_refused (void **state)
{
  static const char *const wrong[] = {
    "",
    " \n",
    "# a",
    "<a/><b/>",
    "<a/>x",
    "</a>",
    "<!a>",
    "<!DOCTYPE a>",
    "'a",
    "a -\nb",
    "a -\n<a/>\nb",
    "<a/><!-- --><b/>",
    "<a/>&b;",
    "<a/><!DOCTYPE a>",
    "a -\n<!DOCTYPE a><a/>",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_auto (Document) document = { 0 };
    guint code = add (&document, wrong[i], strlen (wrong[i]));

    /* It is seen at the end that there is no "<". */
    if (strcmp (wrong[i], "a -\nb") == 0) {
      assert_int_equal (document.state, DOCUMENT_WAITS);
      assert_false (document_is_done (&document, NULL));
      continue;
    }
    assert_int_equal (code, BACKEND_ERROR_INVALID + 1);
  }
}

static void
comments_and_instructions_may_follow (void **state)
{
  static const char *const texts[] = { "<a/><!-- <b/> -->\n<?p <c/>?>\n", "a -\n<a></a><!-- -->" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    for (gsize piece = 1; piece <= strlen (texts[i]); piece++) {
      g_auto (Document) document = { 0 };
      gsize length = strlen (texts[i]);
      gsize first = MAX (piece, strlen ("a -\n")); /* words come in one piece */

      assert_int_equal (add (&document, texts[i], first), 0);
      for (gsize at = first; at < length; at += piece)
        assert_int_equal (add (&document, texts[i] + at, MIN (piece, length - at)), 0);
      assert_int_equal (document.state, DOCUMENT_WHOLE);
    }
}

static void
what_is_unfinished_behind_the_end_is_waited_for (void **state)
{
  g_auto (Document) document = { 0 };
  gboolean after;

  assert_int_equal (add (&document, "<a/><!-- b", 10), 0);
  assert_int_equal (document.state, DOCUMENT_WAITS);
  assert_int_equal (add (&document, " -->", 4), 0);
  assert_int_equal (document.state, DOCUMENT_WHOLE);
  assert_true (document_add (&document, TRUE, "<!--", 4, &after, NULL) && after);
  assert_true (document_add (&document, TRUE, "-->", 3, &after, NULL) && after);
  assert_int_equal (add (&document, "<b/>", 4), BACKEND_ERROR_INVALID + 1);
}

static void
a_byte_order_mark_is_skipped (void **state)
{
  static const char *const texts[] = { "\xef\xbb\xbf<a/>", "\xef\xbb\xbf\n<a/>",
                                       "b -\n\xef\xbb\xbf<a/>",
                                       "\xef\xbb\xbf"
                                       "b -\n<a/>" };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_auto (Document) document = { 0 };

    assert_int_equal (add (&document, texts[i], strlen (texts[i])), 0);
    assert_int_equal (document.state, DOCUMENT_WHOLE);
    assert_string_equal (g_strstrip (document.bytes->str), "<a/>");
    assert_int_equal (g_strv_length (document.words), strchr (texts[i], 'b') != NULL ? 1 : 0);
  }
}

static void
bytes_that_are_no_text_are_refused (void **state)
{
  g_auto (Document) zero = { 0 };
  g_auto (Document) later = { 0 };
  g_auto (Document) encoding = { 0 };

  assert_int_equal (add (&zero, "<a\0/>", 5), BACKEND_ERROR_INVALID + 1);
  assert_int_equal (add (&later, "<a>", 3), 0);
  assert_int_equal (add (&later, "\0", 1), BACKEND_ERROR_INVALID + 1);
  assert_int_equal (add (&encoding, "<a>\xff</a>", 8), BACKEND_ERROR_BAD_ENCODING + 1);
}

static void
nothing_follows_what_was_refused (void **state)
{
  g_auto (Document) document = { 0 };

  assert_int_equal (add (&document, "'a -\n", 5), BACKEND_ERROR_INVALID + 1);
  assert_int_equal (add (&document, "<a/>", 4), BACKEND_ERROR_INVALID + 1);
}

static void
both_limits_are_kept (void **state)
{
  g_autofree char *spaces = g_strnfill (1024 * 1024, ' ');
  g_autofree char *words = g_strnfill (4097, 'a');
  g_auto (Document) long_words = { 0 };
  g_auto (Document) at_once = { 0 };
  g_auto (Document) at_last = { 0 };

  assert_int_equal (add (&long_words, words, 4097), BACKEND_ERROR_TOO_BIG + 1);
  memcpy (spaces, "<a>", 3);
  assert_int_equal (add (&at_last, spaces, 1024 * 1024), 0);
  assert_int_equal (add (&at_last, " ", 1), BACKEND_ERROR_TEXT_TOO_BIG + 1);
  assert_int_equal (add (&at_once, "<a>", 3), 0);
  assert_int_equal (add (&at_once, spaces, 1024 * 1024), BACKEND_ERROR_TEXT_TOO_BIG + 1);
}

/* A comment of a mebibyte in pieces of eight bytes: quadratic time would be minutes. */
static void
each_byte_is_looked_at_once (void **state)
{
  g_auto (Document) document = { 0 };

  assert_int_equal (add (&document, "<!--", 4), 0);
  for (guint i = 0; i < 130000; i++)
    assert_int_equal (add (&document, " - -- a ", 8), 0);
  assert_int_equal (add (&document, "--><a/>", 7), 0);
  assert_int_equal (document.state, DOCUMENT_WHOLE);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (a_document_is_whole_with_its_last_byte_whatever_the_pieces),
    cmocka_unit_test (words_may_come_first),
    cmocka_unit_test (words_and_document_may_be_two_writes),
    cmocka_unit_test (words_alone_are_whole),
    cmocka_unit_test (what_is_no_document_is_refused),
    cmocka_unit_test (comments_and_instructions_may_follow),
    cmocka_unit_test (what_is_unfinished_behind_the_end_is_waited_for),
    cmocka_unit_test (a_byte_order_mark_is_skipped),
    cmocka_unit_test (bytes_that_are_no_text_are_refused),
    cmocka_unit_test (nothing_follows_what_was_refused),
    cmocka_unit_test (both_limits_are_kept),
    cmocka_unit_test (each_byte_is_looked_at_once),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
