/* The command line: vmsnapfs [options] SOURCE MOUNTPOINT.
 *
 * Every -o option is a row of a table.  What mount(8) and fstab add is either
 * passed on to the kernel or known and ignored; an unknown word is refused, so
 * that a misspelt discard=no never passes for a safe mount. */
#include "options.h"

#include "../backend/error.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define POLL_USUAL 10
#define POLL_MOST (24 * 60 * 60)
#define HOOK_MOST (7 * 24 * 60 * 60)

const char options_help[] =
    "usage: vmsnapfs [options] SOURCE MOUNTPOINT\n"
    "\n"
    "SOURCE is a directory of disk images, a libvirt URI (qemu:///system), or memory: to try it\n"
    "without any.\n"
    "\n"
    "  -f                  stay in the foreground\n"
    "  -d                  show every request (implies -f)\n"
    "  -s                  one thread: every operation waits for the one before\n"
    "  -o OPTION[,...]     mount options:\n"
    "     ro               change nothing\n"
    "     allow_other      other users may look, as far as the modes let them\n"
    "     uid=N, gid=N     owner and group of everything (default: yours)\n"
    "     umask=OCTAL      bits that no mode has (default: 027)\n"
    "     domains=GLOB     show only these domains (may be repeated)\n"
    "     allow=DIR        disks may have files below DIR too (may be repeated)\n"
    "     hook=PROGRAM     PROGRAM works the storage of disks with the method exec\n"
    "     hook_deadline=N  seconds that one run of it may take (default: 600)\n"
    "     cache            disk files go through the page cache\n"
    "     poll=N           seconds between looks for what libvirt does not tell of (default: 10)\n"
    "     discard=no       neither rmdir nor control/discard discards a snapshot\n"
    "  -h, --help          show this\n"
    "  -V, --version       show the version\n";

typedef struct {
  const char *name; /* with a final '=' when it has a value */
  gboolean (*take) (Options *options, const char *option, const char *value, GError **error);
} Row;

static gboolean
take_kernel (Options *options, const char *option, const char *value, GError **error)
{
  g_string_append_printf (options->kernel, "%s%s", options->kernel->len > 0 ? "," : "", option);
  return TRUE;
}

static gboolean
ignore (Options *options, const char *option, const char *value, GError **error)
{
  return TRUE;
}

static gboolean
take_access (Options *options, const char *option, const char *value, GError **error)
{
  options->read_only = strcmp (option, "ro") == 0;
  return take_kernel (options, option, value, error);
}

static gboolean
take_cache (Options *options, const char *option, const char *value, GError **error)
{
  options->cache = TRUE;
  return TRUE;
}

static gboolean
take_discard (Options *options, const char *option, const char *value, GError **error)
{
  options->discard = strcmp (value, "yes") == 0;
  return options->discard || strcmp (value, "no") == 0 ||
         fail (error, BACKEND_ERROR_INVALID, "discard= takes yes or no, not \"%s\"", value);
}

static gboolean
parse_id (const char *option, const char *value, guint base, guint64 most, guint64 *number,
          GError **error)
{
  return g_ascii_string_to_unsigned (value, base, 0, most, number, NULL) ||
         fail (error, BACKEND_ERROR_INVALID, "option \"%s\" is malformed", option);
}

static gboolean
take_uid (Options *options, const char *option, const char *value, GError **error)
{
  guint64 number = 0;
  gboolean ok = parse_id (option, value, 10, G_MAXUINT32 - 1, &number, error);

  options->uid = (uid_t)number;
  return ok;
}

static gboolean
take_gid (Options *options, const char *option, const char *value, GError **error)
{
  guint64 number = 0;
  gboolean ok = parse_id (option, value, 10, G_MAXUINT32 - 1, &number, error);

  options->gid = (gid_t)number;
  return ok;
}

static gboolean
take_umask (Options *options, const char *option, const char *value, GError **error)
{
  guint64 number = 0;
  gboolean ok = parse_id (option, value, 8, 0777, &number, error);

  options->umask = (mode_t)number;
  return ok;
}

static gboolean
take_poll (Options *options, const char *option, const char *value, GError **error)
{
  guint64 number = 0;
  gboolean ok = parse_id (option, value, 10, POLL_MOST, &number, error);

  options->poll = (guint)number;
  return ok;
}

static gboolean
take_domains (Options *options, const char *option, const char *value, GError **error)
{
  g_ptr_array_add (options->domains, g_strdup (value));
  return TRUE;
}

static gboolean
take_allow (Options *options, const char *option, const char *value, GError **error)
{
  char *path = g_canonicalize_filename (value, NULL);

  g_ptr_array_insert (options->allow, (gint)options->allow->len - 1, path);
  return TRUE;
}

static gboolean
take_hook (Options *options, const char *option, const char *value, GError **error)
{
  g_free (options->hook);
  options->hook = g_strdup (value);
  return *value == '/' ||
         fail (error, BACKEND_ERROR_INVALID, "hook= takes an absolute path, not \"%s\"", value);
}

static gboolean
take_hook_deadline (Options *options, const char *option, const char *value, GError **error)
{
  guint64 number = 0;
  gboolean ok = parse_id (option, value, 10, HOOK_MOST, &number, error);

  options->hook_seconds = (guint)number;
  return ok;
}

static const Row rows[] = {
  { "ro", take_access },
  { "rw", take_access },
  { "allow_other", take_kernel },
  { "dev", take_kernel },
  { "nodev", take_kernel },
  { "suid", take_kernel },
  { "nosuid", take_kernel },
  { "exec", take_kernel },
  { "noexec", take_kernel },
  { "sync", take_kernel },
  { "async", take_kernel },
  { "dirsync", take_kernel },
  { "noatime", take_kernel },
  { "nodiratime", take_kernel },
  { "uid=", take_uid },
  { "gid=", take_gid },
  { "umask=", take_umask },
  { "poll=", take_poll },
  { "domains=", take_domains },
  { "allow=", take_allow },
  { "hook=", take_hook },
  { "hook_deadline=", take_hook_deadline },
  { "cache", take_cache },
  { "discard=", take_discard },
  { "defaults", ignore },
  { "auto", ignore },
  { "noauto", ignore },
  { "user", ignore },
  { "nouser", ignore },
  { "users", ignore },
  { "owner", ignore },
  { "group", ignore },
  { "_netdev", ignore },
  { "nofail", ignore },
  { "atime", ignore },
  { "diratime", ignore },
  { "relatime", ignore },
  { "norelatime", ignore },
  { "strictatime", ignore },
  { "nostrictatime", ignore },
  { "lazytime", ignore },
  { "nolazytime", ignore },
  { "default_permissions", ignore },
  { "user=", ignore },
  { "comment=", ignore },
};

static gboolean
take_option (Options *options, const char *option, GError **error)
{
  const char *equals = strchr (option, '=');
  gsize length = equals != NULL ? (gsize)(equals - option) + 1 : strlen (option);

  if (option[0] == '\0' || g_str_has_prefix (option, "x-") || g_str_has_prefix (option, "X-"))
    return TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (rows); i++)
    if (strlen (rows[i].name) == length && strncmp (rows[i].name, option, length) == 0)
      return rows[i].take (options, option, option + length, error);
  return fail (error, BACKEND_ERROR_INVALID, "unknown mount option \"%s\"", option);
}

/* Splits at commas; "\," and "\\" stand for the characters themselves. */
static gboolean
take_list (Options *options, const char *list, GError **error)
{
  g_autoptr (GString) option = g_string_new (NULL);

  for (const char *at = list; *at != '\0'; at++) {
    if (*at == ',') {
      if (!take_option (options, option->str, error))
        return FALSE;
      g_string_truncate (option, 0);
      continue;
    }
    if (*at == '\\' && (at[1] == ',' || at[1] == '\\'))
      at++;
    g_string_append_c (option, *at);
  }
  return take_option (options, option->str, error);
}

static gboolean
take_letter (Options *options, int letter, GError **error)
{
  switch (letter) {
  case 'd':
    options->debug = TRUE;
    options->foreground = TRUE;
    return TRUE;
  case 'f':
    options->foreground = TRUE;
    return TRUE;
  case 's':
    options->single = TRUE;
    return TRUE;
  case 'o':
    return take_list (options, optarg, error);
  case 'h':
    options->help = TRUE;
    return TRUE;
  case 'V':
    options->version = TRUE;
    return TRUE;
  case 'R':
    options->rows = TRUE;
    return TRUE;
  default:
    return fail (error, BACKEND_ERROR_INVALID, "unknown option; vmsnapfs --help lists them");
  }
}

static Options *
options_new (void)
{
  Options *options = g_new0 (Options, 1);

  options->discard = TRUE;
  options->poll = POLL_USUAL;
  options->uid = getuid ();
  options->gid = getgid ();
  options->umask = 027;
  options->domains = g_ptr_array_new_with_free_func (g_free);
  options->allow = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (options->allow, NULL);
  options->kernel = g_string_new (NULL);
  return options;
}

void
options_free (Options *options)
{
  g_free (options->source);
  g_free (options->mountpoint);
  g_free (options->hook);
  g_ptr_array_unref (options->domains);
  g_ptr_array_unref (options->allow);
  g_string_free (options->kernel, TRUE);
  g_free (options);
}

Options *
options_parse (int argc, char **argv, GError **error)
{
  static const struct option long_options[] = { { "help", no_argument, NULL, 'h' },
                                                { "version", no_argument, NULL, 'V' },
                                                { "rows", no_argument, NULL, 'R' },
                                                { 0 } };
  g_autoptr (Options) options = options_new ();
  int letter;

  opterr = 0;
  while ((letter = getopt_long (argc, argv, "dfso:hV", long_options, NULL)) != -1)
    if (!take_letter (options, letter, error))
      return NULL;
  if (options->help || options->version || options->rows)
    return g_steal_pointer (&options);
  if (argc - optind != 2) {
    fail (error, BACKEND_ERROR_INVALID, "two arguments are needed, SOURCE and MOUNTPOINT");
    return NULL;
  }
  options->source = g_strdup (argv[optind]);
  options->mountpoint = g_strdup (argv[optind + 1]);
  return g_steal_pointer (&options);
}
