#pragma once
/* A hook for a test: a shell script beside the temporary directory, in which it may write. */
#include "../../backend/local/hook.h"
#include "../../backend/local/storage.h"
#include "temporary.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static inline char *
hook_path (const TemporaryDirectory *directory)
{
  return g_strconcat (directory->path, ".hook", NULL);
}

/* @script has the request in $request, the image in $image, and the directory in $d. */
static inline void
hook_write (const TemporaryDirectory *directory, const char *script)
{
  g_autofree char *path = hook_path (directory);
  g_autofree char *text = g_strdup_printf (
      "#!/bin/sh\nd=%s request=$(cat)\n"
      "image=$(printf '%%s' \"$request\" | sed -n 's/^ *\"image\" : \"\\(.*\\)\",$/\\1/p')\n"
      "yes () { printf '{ \"image\": \"%%s\" }' \"$image\"; }\n"
      "at () { printf '{ \"image\": \"%%s\", \"path\": \"%%s\", \"format\": \"raw\" }' \"$image\" "
      "\"$1\"; }\n%s\n",
      directory->path, script);
  assert_true (g_file_set_contents (path, text, -1, NULL));
  assert_int_equal (chmod (path, 0755), 0);
}

static inline int
hook_remove (void **state)
{
  g_autofree char *path = hook_path (*state);
  remove (path);
  return temporary_remove (state);
}

#define hook_test(function) cmocka_unit_test_setup_teardown (function, temporary_make, hook_remove)

static inline Places *
hook_places (const TemporaryDirectory *directory, GError **error)
{
  g_autofree char *path = hook_path (directory);
  g_autoptr (Places) places = places_open (directory->path, NULL, NULL);
  assert_non_null (places);
  return hook_use (places, path, 5, error) ? g_steal_pointer (&places) : NULL;
}
