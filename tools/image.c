/* map and cat: look into disk images without a mount.
 *
 * Both read one disk; what they do with it is their row's function. */
#include "argument.h"
#include "commands.h"
#include "copy.h"

#include "../backend/error.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_HELP                                                                                  \
  "\n"                                                                                             \
  "FILE is a disk image.  SNAPSHOT is the ID of a snapshot inside it, or its tag.\n"               \
  "\n"                                                                                             \
  "  -f FORMAT           qcow2 or raw (default: qcow2, if it is one)\n"                            \
  "  --allow DIR         backing files may be below DIR too (may be repeated)\n"

typedef struct {
  ArgumentOptions argument;
  GPtrArray *allow; /* argument.allow's; ends in NULL */
  gboolean json;
  guint64 offset;
  guint64 length; /* G_MAXUINT64: to the end */
} Options;

typedef gboolean (*Use) (DiskReader *reader, const Options *options, GError **error);

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
map_disk (DiskReader *reader, const Options *options, GError **error)
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
cat_disk (DiskReader *reader, const Options *options, GError **error)
{
  guint64 most = reader->size - MIN (options->offset, reader->size);
  guint64 length = options->length == G_MAXUINT64 ? most : options->length;

  if (options->offset > reader->size || length > most)
    return fail (error, BACKEND_ERROR_INVALID, "the disk has only %" G_GUINT64_FORMAT " bytes",
                 reader->size);
  return copy_disk (reader, options->offset, length, STDOUT_FILENO, error);
}

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
take_option (Options *options, int letter, GError **error)
{
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

static int
use_disk (const char *argument, Options *options, Use use, GError **error)
{
  g_autoptr (DiskReader) reader = NULL;

  options->argument.allow = (const char *const *)options->allow->pdata;
  reader = argument_open (argument, &options->argument, error);
  return reader != NULL && use (reader, options, error) ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run (int argc, char **argv, const struct option *long_options, Use use, GError **error)
{
  g_autoptr (GPtrArray) allow = g_ptr_array_new ();
  Options options = { .allow = allow, .length = G_MAXUINT64 };
  int letter;

  g_ptr_array_add (allow, NULL);
  while ((letter = getopt_long (argc, argv, "f:", long_options, NULL)) != -1)
    if (!take_option (&options, letter, error))
      return STATUS_USAGE;
  if (argc - optind != 1)
    return command_misused (error, "one FILE[@SNAPSHOT] is needed");
  return use_disk (argv[optind], &options, use, error);
}

static int
map_run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "allow", required_argument, NULL, 'a' },
                                                { "json", no_argument, NULL, 'J' },
                                                { 0 } };

  return run (argc, argv, long_options, map_disk, error);
}

static int
cat_run (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "allow", required_argument, NULL, 'a' },
                                                { "offset", required_argument, NULL, 'O' },
                                                { "length", required_argument, NULL, 'N' },
                                                { 0 } };

  return run (argc, argv, long_options, cat_disk, error);
}

const Command map_command = { "map", "print where the disk in an image holds data",
                              "usage: vmsnap map [options] FILE[@SNAPSHOT]\n" FILE_HELP
                              "  --json              print JSON, as qemu-img map does\n",
                              map_run };

const Command cat_command = { "cat", "write the bytes of the disk in an image to standard output",
                              "usage: vmsnap cat [options] FILE[@SNAPSHOT]\n" FILE_HELP
                              "  --offset N          begin there (K, M, G and T multiply by 1024)\n"
                              "  --length N          write so many bytes (default: to the end)\n",
                              cat_run };
