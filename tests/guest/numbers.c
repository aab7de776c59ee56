/* The guest's writer: numbers that increase, each first on disk A and then on disk B.
 *
 *   numbers A B CONSOLE [FIRST]
 *
 * A number has a block of its own, so that whoever reads a disk sees which of them it has: number N
 * stands in block N modulo the smaller disk's size.  Each write is durable when it returns
 * (O_DIRECT and O_DSYNC, so the disk's own cache is flushed, too).  Only after both CONSOLE gets
 * "durable N". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512

static void
give_up (const char *what)
{
  fprintf (stderr, "numbers: %s: %s\n", what, strerror (errno));
  exit (1);
}

static int
open_disk (const char *path)
{
  int fd = open (path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC);
  if (fd < 0)
    give_up (path);
  return fd;
}

static void
put (int fd, char *block, unsigned long long number, unsigned long long blocks)
{
  memset (block, 0, BLOCK);
  snprintf (block, BLOCK, "number %llu\n", number);
  if (pwrite (fd, block, BLOCK, (off_t)(number % blocks * BLOCK)) != BLOCK)
    give_up ("writing");
}

static unsigned long long
count_blocks (int fd)
{
  off_t size = lseek (fd, 0, SEEK_END);
  if (size < BLOCK)
    give_up ("size");
  return (unsigned long long)size / BLOCK;
}

int
main (int argc, char **argv)
{
  if (argc < 4)
    return 2;
  int a = open_disk (argv[1]), b = open_disk (argv[2]);
  int console = open (argv[3], O_WRONLY | O_NOCTTY | O_CLOEXEC);
  unsigned long long blocks = count_blocks (a), others = count_blocks (b);
  char *block = aligned_alloc (4096, 4096);
  if (console < 0 || !block)
    give_up (argv[3]);
  if (others < blocks)
    blocks = others;
  for (unsigned long long number = argc > 4 ? strtoull (argv[4], NULL, 10) : 1;; number++) {
    put (a, block, number, blocks);
    put (b, block, number, blocks);
    if (dprintf (console, "durable %llu\n", number) < 0)
      give_up (argv[3]);
  }
}
