#include "../../backend/xml.h"
#include "../testing.h"
#include "xml-texts.h"

#include <glib/gstdio.h>
#include <libxml/parser.h>
#include <string.h>
#include <time.h>

#define UUID "00000001-0000-4000-8000-000000000000"

static void
assert_refused_bytes (const char *text, gsize length)
{
  GError *error = NULL;
  clock_t begin = clock ();
  xmlDoc *document = xml_parse (text, length, &error);
  clock_t used = clock () - begin;

  assert_null (document);
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_true (is_soon (used, REFUSED_IN));
}

static void
assert_refused (const char *text)
{
  assert_refused_bytes (text, strlen (text));
}

static void
expansion_attacks_are_refused (void **state)
{
  g_autofree char *long_entity = repeat ("<!DOCTYPE a [<!ENTITY x \"", "x", 50000, "\">]><a>");
  g_autofree char *quadratic = repeat (long_entity, "&x;", 50000, "</a>");

  assert_refused ("<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                  "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">"
                  "<!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\">]><l>&d;&d;&d;</l>");
  assert_refused (quadratic);
}

static void
external_entities_are_refused (void **state)
{
  assert_refused ("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><a>&x;</a>");
  assert_refused ("<!DOCTYPE a SYSTEM \"http://127.0.0.1:1/a.dtd\"><a/>");
  assert_refused ("<!DOCTYPE a [<!ENTITY % p SYSTEM \"/etc/hostname\">%p;]><a/>");
  assert_refused ("<?xml version='1.0'?>\n<!-- c --><!DOCTYPE a><a/>");
  assert_refused ("<a>&undefined;</a>");
}

/* libxml2 has one loader for all: libvirt reads files through it in this process. */
static void
what_others_read_is_none_of_ours (void **state)
{
  g_autofree char *file = NULL;
  int fd = g_file_open_tmp ("vmsnapfs-xml-XXXXXX", &file, NULL);
  xmlDoc *ours = xml_parse ("<a/>", 4, NULL);
  xmlDoc *theirs;

  assert_true (fd >= 0 && g_close (fd, NULL) && g_file_set_contents (file, "<b/>", -1, NULL));
  theirs = xmlReadFile (file, NULL, 0);
  g_unlink (file);
  assert_non_null (ours);
  assert_non_null (theirs);
  xmlFreeDoc (ours);
  xmlFreeDoc (theirs);
}

static void
crowded_elements_are_refused (void **state)
{
  g_autofree char *many = repeat ("<a", " a%u='x'", 40000, "/>");
  g_autofree char *same = repeat ("<a", " a='x'", 40000, "/>");
  g_autofree char *spaces = repeat ("<a", " xmlns:n%u=\"x\"", 40000, "/>");
  g_autofree char *hidden = repeat ("<b><!-- > --><a", " a%u='>'", 40000, "/></b>");
  g_autofree char *over = repeat ("<a", " a%u='x'", 65, "/>");
  g_autofree char *just = repeat ("<a", " a%u='x'", 64, "/>");
  GError *error = NULL;
  xmlDoc *document = xml_parse (just, strlen (just), &error);

  assert_no_error (error);
  xmlFreeDoc (document);
  assert_refused (many);
  assert_refused (same);
  assert_refused (spaces);
  assert_refused (hidden);
  assert_refused (over);
}

/* All in scope for each of the elements inside, which use the farthest. */
static void
crowds_of_namespaces_are_refused (void **state)
{
  GString *head = g_string_new (NULL);
  g_autofree char *inside = NULL;
  g_autofree char *text = NULL;

  for (guint i = 0; i < 60; i++) {
    g_autofree char *piece = g_strdup_printf (" xmlns:n%u.%%u='x'", i);
    g_autofree char *tag = repeat ("<a", piece, 60, ">");

    g_string_append (head, tag);
  }
  inside = repeat (head->str, "<n0.0:b/>", 90000, "");
  text = repeat (inside, "</a>", 60, "");
  g_string_free (head, TRUE);
  assert_refused (text);
}

static void
deep_documents_are_refused (void **state)
{
  g_autofree char *open = repeat ("", "<a>", 1000, "");
  g_autofree char *deep = repeat (open, "</a>", 1000, "");
  g_autofree char *open65 = repeat ("", "<a>", 65, "");
  g_autofree char *deep65 = repeat (open65, "</a>", 65, "");
  g_autofree char *unclosed = repeat ("", "<a>", 300000, "");
  g_autofree char *open64 = repeat ("", "<a>", 64, "");
  g_autofree char *deep64 = repeat (open64, "</a>", 64, "");
  GError *error = NULL;
  xmlDoc *document = xml_parse (deep64, strlen (deep64), &error);

  assert_no_error (error);
  xmlFreeDoc (document);
  assert_refused (deep65);
  assert_refused (deep);
  assert_refused (unclosed);
}

static void
huge_documents_are_refused (void **state)
{
  g_autofree char *large = repeat ("<a>", "<b/>", 3000000, "</a>");
  g_autofree char *nodes = repeat ("<a>", "<b/>", 110000, "</a>");
  g_autofree char *comments = repeat ("<a>", "<!---->", 110000, "</a>");
  g_autofree char *instructions = repeat ("<a>", "<?i?>", 110000, "</a>");

  assert_refused (large);
  assert_refused (nodes);
  assert_refused (comments);
  assert_refused (instructions);
}

static void
truncated_documents_are_refused (void **state)
{
  static const char whole[] = "<?xml version='1.0'?><a b='c'>text<!-- d --><![CDATA[e]]></a>";

  for (gsize length = 0; length < sizeof whole - 1; length++)
    assert_refused_bytes (whole, length);
  assert_refused ("<a></a><b/>");
  assert_refused ("<a></b>");
  assert_refused ("<a b='1' b='2'/>");
}

static void
bad_encodings_are_refused (void **state)
{
  static const char utf16[] = "\xff\xfe<\0a\0/\0>\0";

  assert_refused ("<a>\xff</a>");
  assert_refused ("<a>\xc3</a>");
  assert_refused ("<a>\x01</a>");
  assert_refused ("<a>&#1;</a>");
  assert_refused ("<a>&#xD800;</a>");
  assert_refused_bytes (utf16, sizeof utf16 - 1);
  assert_refused_bytes ("<a>\0</a>", 8);
}

/* What a document says of its encoding does not make bytes of something else. */
static void
a_declared_encoding_is_not_believed (void **state)
{
  static const char text[] = "<?xml version='1.0' encoding='ISO-8859-1'?><a>\xc3\xbc</a>";
  GError *error = NULL;
  xmlDoc *document = xml_parse (text, strlen (text), &error);
  xmlChar *content;

  assert_no_error (error);
  content = xmlNodeGetContent (xmlDocGetRootElement (document));
  assert_text ((const char *)content, "\xc3\xbc");
  xmlFree (content);
  xmlFreeDoc (document);
}

static void
elements_and_attributes_are_found (void **state)
{
  static const char text[] = "<v:a xmlns:v='urn:v'>  <v:b c='1&amp;2'> x &lt; y </v:b><d/></v:a>";
  xmlDoc *document = xml_parse (text, strlen (text), NULL);
  const xmlNode *root = xmlDocGetRootElement (document);
  g_autofree char *b = xml_child_text (root, "b");
  g_autofree char *d = xml_child_text (root, "d");
  g_autofree char *c = xml_attribute (xml_child (root, "b"), "c");

  assert_text (b, "x < y");
  assert_text (d, "");
  assert_text (c, "1&2");
  assert_null (xml_child (root, "e"));
  assert_null (xml_child_text (root, "e"));
  assert_null (xml_attribute (root, "c"));
  xmlFreeDoc (document);
}

static void
an_element_is_indented_as_a_document (void **state)
{
  static const char text[] = "<a>\n      <b>\n        <c>x &amp; y</c>\n      </b></a>";
  xmlDoc *document = xml_parse (text, strlen (text), NULL);
  g_autofree char *b = xml_element_text (xml_child (xmlDocGetRootElement (document), "b"));

  assert_text (b, "<b>\n  <c>x &amp; y</c>\n</b>\n");
  xmlFreeDoc (document);
}

static void
a_domain_is_described (void **state)
{
  static const char text[] =
      "<domain><name> web01 </name><uuid>" UUID "</uuid><devices>"
      "<disk type='file' device='cdrom'><source file='/a.iso'/><target dev='sda'/></disk>"
      "<disk type='file'><driver name='qemu' type='qcow2'/><source file='/x &amp; y.qcow2'/>"
      "<target dev='vda'/></disk>"
      "<disk type='block' device='disk'><source dev='/dev/x'/><target dev='vdb'/></disk>"
      "</devices></domain>";
  GError *error = NULL;
  g_autoptr (DomainDescription) domain = domain_description_parse (text, strlen (text), &error);
  const DiskDescription *first, *second;

  assert_no_error (error);
  assert_text (domain->name, "web01");
  assert_text (domain->uuid, UUID);
  assert_int_equal (domain->disks->len, 2);
  first = g_ptr_array_index (domain->disks, 0);
  second = g_ptr_array_index (domain->disks, 1);
  assert_text (first->target, "vda");
  assert_text (first->format, "qcow2");
  assert_text (first->source, "/x & y.qcow2");
  assert_true (g_str_has_prefix (first->xml, "<disk type=\"file\">\n  <driver "));
  assert_text (second->source, "/dev/x");
  assert_null (second->format);
}

static void
wrong_domains_are_refused (void **state)
{
  static const char *const wrong[] = {
    "<network><name>x</name></network>",
    "<domain/>",
    "<domain><name> </name></domain>",
    "<domain><name>x</name><uuid>none</uuid></domain>",
    "<domain><name>x</name><devices><disk/></devices></domain>",
    "<domain><name>x</name><devices><disk><target dev='../x'/></disk></devices></domain>",
    "<domain><name>x</name><devices><disk><target dev='vda'/></disk><disk><target "
    "dev='vda'/></disk></devices></domain>",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++) {
    GError *error = NULL;

    assert_null (domain_description_parse (wrong[i], strlen (wrong[i]), &error));
    assert_error (&error, BACKEND_ERROR_INVALID);
  }
}

static void
crowds_of_disks_are_refused (void **state)
{
  g_autofree char *text = repeat ("<domain><name>x</name><devices>",
                                  "<disk><target dev='d%u'/></disk>", 20000, "</devices></domain>");
  GError *error = NULL;
  clock_t begin = clock ();

  assert_null (domain_description_parse (text, strlen (text), &error));
  assert_error (&error, BACKEND_ERROR_INVALID);
  assert_true (is_soon (clock () - begin, 2 * REFUSED_IN));
}

/* Each disk's element would declare it again. */
static void
long_namespaces_are_refused (void **state)
{
  g_autofree char *head = repeat ("<domain xmlns:u='", "u", 900000, "'><name>x</name><devices>");
  g_autofree char *text =
      repeat (head, "<u:disk><u:target dev='vd%u'/></u:disk>", 1000, "</devices></domain>");

  assert_refused (text);
}

static void
assert_method (const char *text, const char *expected)
{
  g_autoptr (Text) element = text_from_string (text);
  g_autoptr (GError) error = NULL;
  g_autofree char *method = xml_snapshot_method (element, &error);

  assert_text (method, expected);
  assert_int_equal (method == NULL, g_error_matches (error, BACKEND_ERROR, BACKEND_ERROR_INVALID));
}

static void
an_element_says_how_a_disk_is_snapshotted (void **state)
{
  g_autofree char *said = xml_snapshot_method_element ("qemu");
  g_autofree char *odd = xml_snapshot_method_element ("'<&");

  assert_text (said, "<diskSnapshot method='qemu'/>\n");
  assert_method (said, "qemu");
  assert_method (odd, "'<&");
  assert_method ("<diskSnapshot method='lvm'><device path='/dev/vg/lv4'/></diskSnapshot>", "lvm");
  assert_method ("<diskSnapshot/>", NULL);
  assert_method ("<disk method='qemu'/>", NULL);
  assert_method ("qemu", NULL);
}

int
main (void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (expansion_attacks_are_refused),
    cmocka_unit_test (external_entities_are_refused),
    cmocka_unit_test (what_others_read_is_none_of_ours),
    cmocka_unit_test (crowded_elements_are_refused),
    cmocka_unit_test (crowds_of_namespaces_are_refused),
    cmocka_unit_test (deep_documents_are_refused),
    cmocka_unit_test (huge_documents_are_refused),
    cmocka_unit_test (truncated_documents_are_refused),
    cmocka_unit_test (bad_encodings_are_refused),
    cmocka_unit_test (a_declared_encoding_is_not_believed),
    cmocka_unit_test (elements_and_attributes_are_found),
    cmocka_unit_test (an_element_is_indented_as_a_document),
    cmocka_unit_test (a_domain_is_described),
    cmocka_unit_test (an_element_says_how_a_disk_is_snapshotted),
    cmocka_unit_test (wrong_domains_are_refused),
    cmocka_unit_test (crowds_of_disks_are_refused),
    cmocka_unit_test (long_namespaces_are_refused),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
