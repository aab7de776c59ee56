#pragma once
#include <glib.h>

/* How qemu-img is told to open the qcow2 image @file of the directory that it runs in without what
 * is behind it.  NULL: the name is no UTF-8, which this cannot say.  Free with g_free. */
char *alone_name (const char *file);
