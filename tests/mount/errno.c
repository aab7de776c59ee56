/* Does one call and prints "OK" or the name of its errno: shells only know the
 * sentence, and commands such as mkdir(1) look at the path before they call.
 *
 *   errno mkdir PATH
 *   errno write PATH TEXT [TEXT]...     each TEXT is one write on the same descriptor
 *
 * Each row of the table below is a call; it deliberately adds no checks of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

typedef struct {
  const char *name;
  int arguments;
  int (*call) (char **argument); /* -1 with errno, like the call itself */
} Call;

static int
call_mkdir (char **argument)
{
  return mkdir (argument[0], 0777);
}

static int
call_rmdir (char **argument)
{
  return rmdir (argument[0]);
}

static int
call_unlink (char **argument)
{
  return unlink (argument[0]);
}

static int
call_rename (char **argument)
{
  return rename (argument[0], argument[1]);
}

static int
call_rename_noreplace (char **argument)
{
  return renameat2 (AT_FDCWD, argument[0], AT_FDCWD, argument[1], RENAME_NOREPLACE);
}

static int
call_rename_exchange (char **argument)
{
  return renameat2 (AT_FDCWD, argument[0], AT_FDCWD, argument[1], RENAME_EXCHANGE);
}

static int
call_create (char **argument)
{
  return open (argument[0], O_WRONLY | O_CREAT | O_EXCL, 0666);
}

static int
call_read (char **argument)
{
  char byte;
  int fd = open (argument[0], O_RDONLY);
  return fd < 0 ? -1 : (int)read (fd, &byte, 1);
}

static int
call_open_for_writing (char **argument)
{
  return open (argument[0], O_WRONLY);
}

static int
call_mknod (char **argument)
{
  return mknod (argument[0], S_IFIFO | 0666, 0);
}

static int
call_symlink (char **argument)
{
  return symlink ("target", argument[0]);
}

static int
call_link (char **argument)
{
  return link (argument[0], argument[1]);
}

static int
call_chmod (char **argument)
{
  return chmod (argument[0], 0777);
}

static int
call_chown (char **argument)
{
  return chown (argument[0], 12345, 12345);
}

static int
call_utimens (char **argument)
{
  return utimensat (AT_FDCWD, argument[0], NULL, 0);
}

static int
call_truncate (char **argument)
{
  return truncate (argument[0], atol (argument[1]));
}

static int
call_setxattr (char **argument)
{
  return setxattr (argument[0], "user.x", "1", 1, 0);
}

static int
call_getxattr (char **argument)
{
  char value[16];
  return (int)getxattr (argument[0], "user.x", value, sizeof value);
}

static int
call_listxattr (char **argument)
{
  char names[256];
  return (int)listxattr (argument[0], names, sizeof names);
}

static int
call_stat (char **argument)
{
  struct stat st;
  return lstat (argument[0], &st);
}

/* The first write that fails, or what close answers. */
static int
call_write (char **argument)
{
  int fd = open (argument[0], O_WRONLY);
  if (fd < 0)
    return -1;
  for (char **text = argument + 1; *text != NULL; text++)
    if (write (fd, *text, strlen (*text)) < 0)
      return -1;
  return close (fd);
}

static const Call calls[] = {
  { "mkdir", 1, call_mkdir },
  { "rmdir", 1, call_rmdir },
  { "unlink", 1, call_unlink },
  { "rename", 2, call_rename },
  { "rename-noreplace", 2, call_rename_noreplace },
  { "rename-exchange", 2, call_rename_exchange },
  { "create", 1, call_create },
  { "read", 1, call_read },
  { "open-for-writing", 1, call_open_for_writing },
  { "mknod", 1, call_mknod },
  { "symlink", 1, call_symlink },
  { "link", 2, call_link },
  { "chmod", 1, call_chmod },
  { "chown", 1, call_chown },
  { "utimens", 1, call_utimens },
  { "truncate", 2, call_truncate },
  { "setxattr", 1, call_setxattr },
  { "getxattr", 1, call_getxattr },
  { "listxattr", 1, call_listxattr },
  { "stat", 1, call_stat },
  { "write", 2, call_write },
};

static const Call *
find_call (const char *name, int arguments)
{
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
    if (strcmp (calls[i].name, name) == 0 && arguments >= calls[i].arguments)
      return &calls[i];
  return NULL;
}

int
main (int argc, char **argv)
{
  const Call *call = argc > 2 ? find_call (argv[1], argc - 2) : NULL;
  if (call == NULL) {
    fprintf (stderr, "usage: errno CALL PATH...\n");
    return 2;
  }
  if (call->call (argv + 2) >= 0)
    puts ("OK");
  else
    puts (strerrorname_np (errno));
  return 0;
}
