#pragma once
/* The local backend on a store in a temporary directory. */
#include "../../backend/backend.h"
#include "temporary.h"
#include <stdio.h>

static inline Backend *
open_store (const TemporaryDirectory *store, gboolean read_only)
{
  const BackendOptions options = { .read_only = read_only };
  g_autoptr (GError) error = NULL;
  Backend *backend = backend_open (store->path, &options, &error);
  if (!backend)
    fail_msg ("%s", error->message);
  return backend;
}

static inline void
make_image (const TemporaryDirectory *store, const char *name)
{
  images_run (store->path, "qemu-img create -q -f qcow2 '%s' 8M", name);
}

static inline char *
create_as (Backend *backend, const char *domain, const CreateOptions *options, GError **error)
{
  g_autoptr (Job) job = job_new (domain, "create");
  g_autoptr (GError) wrong = NULL;
  char *id = backend_create (backend, domain, options, job, &wrong);
  job_finish (job, wrong);
  if (wrong)
    g_propagate_error (error, g_steal_pointer (&wrong));
  return id;
}

static inline char *
create (Backend *backend, const char *domain, const char *name, GError **error)
{
  return create_as (backend, domain, &(CreateOptions){ .name = name }, error);
}

/* Of the disk vda alone. */
static inline char *
create_of_disk (Backend *backend, const char *domain, const char *name, GError **error)
{
  return create_as (backend, domain, &(CreateOptions){ .name = name, .disk = "vda" }, error);
}

static inline gboolean
revert (Backend *backend, const char *domain, const char *id, GError **error)
{
  g_autoptr (Job) job = job_new (domain, "revert");
  gboolean done = backend_revert (backend, domain, id, NULL, job, error);
  job_finish (job, NULL);
  return done;
}

static inline guint
count_files (const TemporaryDirectory *store, const char *pattern)
{
  g_autofree char *output = g_strconcat (store->path, ".count", NULL);
  g_autofree char *text = NULL;
  images_run (store->path, "find . -name '%s' | wc -l > '%s'", pattern, output);
  assert_true (g_file_get_contents (output, &text, NULL, NULL));
  assert_int_equal (remove (output), 0);
  return (guint)g_ascii_strtoull (text, NULL, 10);
}

static inline void
wait_for_files (const TemporaryDirectory *store, const char *pattern, guint count)
{
  for (guint i = 0; i < 1000 && count_files (store, pattern) != count; i++)
    g_usleep (10 * 1000);
  assert_int_equal (count_files (store, pattern), count);
}
