/* vmsnap: looks into disk images without a mount.
 *
 * A verb is a row of a table: its name, the options that it takes, and its function. */
#include "argument.h"
#include "copy.h"

#include "../backend/error.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define USAGE_ERROR 2

static const char help[] =
    "usage: vmsnap map [options] FILE[@SNAPSHOT]\n"
    "       vmsnap cat [options] FILE[@SNAPSHOT]\n"
    "\n"
    "FILE is a disk image.  SNAPSHOT is the ID of a snapshot inside it, or its tag.\n"
    "map prints where the disk holds data; cat writes its bytes to standard output.\n"
    "\n"
    "  -f FORMAT           qcow2 or raw (default: qcow2, if it is one)\n"
    "  --allow DIR         backing files may be below DIR too (may be repeated)\n"
    "  --json              map: print JSON, as qemu-img map does\n"
    "  --offset N          cat: begin there (K, M, G and T multiply by 1024)\n"
    "  --length N          cat: write so many bytes (default: to the end)\n"
    "  --help              show this\n"
    "  --version           show the version\n";

typedef struct {
  ArgumentOptions argument;
  GPtrArray *allow; /* argument.allow's; ends in NULL */
  gboolean json;
  guint64 offset;
  guint64 length; /* G_MAXUINT64: to the end */
} Options;

typedef struct {
  const char *name;
  const char *letters; /* of the options that only some verbs take */
  gboolean (*run) (DiskReader *reader, const Options *options, GError **error);
} Verb;

/* ---- map */

static void
print_extent (const Options *options, guint64 start, guint64 length, ExtentKind kind)
{
  const char *zero = kind == EXTENT_ZERO ? "true" : "false";
  const char *data = kind == EXTENT_DATA ? "true" : "false";

  if (!options->json)
    printf ("%20" G_GUINT64_FORMAT " %20" G_GUINT64_FORMAT " %s\n", start, length,
            kind == EXTENT_DATA ? "data" : "zero");
  else
    printf ("%s{ \"start\": %" G_GUINT64_FORMAT ", \"length\": %" G_GUINT64_FORMAT
            ", \"zero\": %s, \"data\": %s}",
            start > 0 ? ",\n" : "", start, length, zero, data);
}

/* The extent at @start and those behind that are of its kind. */
static gboolean
merged_extent (DiskReader *reader, guint64 start, Extent *merged, GError **error)
{
  Extent next;

  if (!disk_reader_extent (reader, start, TRUE, merged, error))
    return FALSE;
  while (start + merged->length < reader->size) {
    if (!disk_reader_extent (reader, start + merged->length, TRUE, &next, error))
      return FALSE;
    if (next.kind != merged->kind)
      return TRUE;
    merged->length += next.length;
  }
  return TRUE;
}

static gboolean
run_map (DiskReader *reader, const Options *options, GError **error)
{
  Extent extent;

  if (options->json)
    putchar ('[');
  for (guint64 start = 0; start < reader->size; start += extent.length) {
    if (!merged_extent (reader, start, &extent, error))
      return FALSE;
    print_extent (options, start, extent.length, extent.kind);
  }
  if (options->json)
    puts ("]");
  if (fflush (stdout) != 0 || ferror (stdout))
    return fail_errno (error, "standard output");
  return TRUE;
}

/* ---- cat */

static gboolean
run_cat (DiskReader *reader, const Options *options, GError **error)
{
  guint64 most = reader->size - MIN (options->offset, reader->size);
  guint64 length = options->length == G_MAXUINT64 ? most : options->length;

  if (options->offset > reader->size || length > most)
    return fail (error, BACKEND_ERROR_INVALID, "the disk has only %" G_GUINT64_FORMAT " bytes",
                 reader->size);
  return copy_disk (reader, options->offset, length, STDOUT_FILENO, error);
}

static const Verb verbs[] = { { "map", "J", run_map }, { "cat", "ON", run_cat } };

/* ---- the command line */

static gboolean
take_number (const char *text, guint64 *number, GError **error)
{
  static const char suffixes[] = "KMGT";
  char *end = NULL;
  const char *suffix;
  guint shift = 0;

  *number = g_ascii_strtoull (text, &end, 10);
  suffix = *end != '\0' ? strchr (suffixes, g_ascii_toupper (*end)) : NULL;
  if (suffix != NULL) {
    shift = 10 * (guint)(suffix - suffixes + 1);
    end++;
  }
  if (!g_ascii_isdigit (text[0]) || *end != '\0' || *number > (guint64)G_MAXINT64 >> shift)
    return fail (error, BACKEND_ERROR_INVALID, "\"%s\" is no number of bytes", text);
  *number <<= shift;
  return TRUE;
}

static gboolean
take_format (Options *options, const char *name, GError **error)
{
  options->argument.format_given = TRUE;
  options->argument.format = strcmp (name, "raw") == 0 ? IMAGE_RAW : IMAGE_QCOW2;
  return options->argument.format == IMAGE_RAW || strcmp (name, "qcow2") == 0 ||
         fail (error, BACKEND_ERROR_INVALID, "the format \"%s\" is unknown", name);
}

static gboolean
take_option (Options *options, const Verb *verb, int letter, GError **error)
{
  if (g_ascii_isupper (letter) && strchr (verb->letters, letter) == NULL)
    return fail (error, BACKEND_ERROR_INVALID, "%s has no such option", verb->name);
  switch (letter) {
  case 'f':
    return take_format (options, optarg, error);
  case 'a':
    g_ptr_array_insert (options->allow, (gint)options->allow->len - 1, optarg);
    return TRUE;
  case 'J':
    options->json = TRUE;
    return TRUE;
  case 'O':
    return take_number (optarg, &options->offset, error);
  case 'N':
    return take_number (optarg, &options->length, error);
  default:
    return fail (error, BACKEND_ERROR_INVALID, "an option is unknown or lacks its value");
  }
}

static const Verb *
find_verb (const char *name, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (strcmp (verbs[i].name, name) == 0)
      return &verbs[i];
  fail (error, BACKEND_ERROR_INVALID, "\"%s\" is neither map nor cat", name);
  return NULL;
}

static gboolean
parse (int argc, char **argv, const Verb *verb, Options *options, GError **error)
{
  static const struct option long_options[] = { { "allow", required_argument, NULL, 'a' },
                                                { "json", no_argument, NULL, 'J' },
                                                { "offset", required_argument, NULL, 'O' },
                                                { "length", required_argument, NULL, 'N' },
                                                { 0 } };
  int letter;

  opterr = 0;
  while ((letter = getopt_long (argc, argv, "f:", long_options, NULL)) != -1)
    if (!take_option (options, verb, letter, error))
      return FALSE;
  return argc - optind == 1 || fail (error, BACKEND_ERROR_INVALID, "one FILE[@SNAPSHOT] is needed");
}

static int
complain (const GError *error, int status)
{
  fprintf (stderr, "vmsnap: %s\n", error->message);
  if (status == USAGE_ERROR)
    fprintf (stderr, "vmsnap --help explains\n");
  return status;
}

static int
run (const Verb *verb, const char *argument, Options *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (DiskReader) reader = NULL;

  options->argument.allow = (const char *const *)options->allow->pdata;
  reader = argument_open (argument, &options->argument, &error);
  if (reader == NULL)
    return complain (error, EXIT_FAILURE);
  return verb->run (reader, options, &error) ? EXIT_SUCCESS : complain (error, EXIT_FAILURE);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) allow = g_ptr_array_new ();
  Options options = { .allow = allow, .length = G_MAXUINT64 };
  const char *first = argc > 1 ? argv[1] : "";
  const Verb *verb;

  /* A closed pipe ends us silently, also where whoever started us ignores the signal. */
  signal (SIGPIPE, SIG_DFL);
  g_ptr_array_add (allow, NULL);
  if (strcmp (first, "--help") == 0 || strcmp (first, "--version") == 0) {
    printf ("%s", strcmp (first, "--help") == 0 ? help : "vmsnap " VMSNAPFS_VERSION "\n");
    return EXIT_SUCCESS;
  }
  verb = find_verb (first, &error);
  if (verb == NULL || !parse (argc - 1, argv + 1, verb, &options, &error))
    return complain (error, USAGE_ERROR);
  return run (verb, argv[optind + 1], &options);
}
