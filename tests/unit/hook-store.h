#pragma once
/* The domain db01, whose only disk a hook snapshots, which keeps copies beside it. */
#include "hook.h"
#include "local-store.h"

#define UUID "93a5c045-6457-4c09-a56c-927cdf34e178"
#define COPIES                                                                                     \
  "disk=$(printf '%s' \"$request\" | sed -n 's/^ *\"disk\" : \"\\(.*\\)\",$/\\1/p') "              \
  "copy=$d/copies/$image\n"                                                                        \
  "case $1 in create) cp $disk $copy; yes ;; delete) rm -f $copy; yes ;; "                         \
  "locate) if [ -e $copy ]; then at $copy; else printf '{\"image\":\"%s\",\"path\":null}' "        \
  "$image; fi ;; "                                                                                 \
  "revert) echo >>$d/reverts; exit 1 ;; esac"

static inline void
describe_domain (const TemporaryDirectory *store)
{
  images_write_text (store->path, "db01/domain.xml",
                     "<domain type='kvm'><name>db01</name><uuid>" UUID
                     "</uuid><memory>1</memory><os>"
                     "<type>hvm</type></os><devices><disk type='file' device='disk'>"
                     "<driver name='qemu' type='raw'/><source file='disk.raw'/><target dev='vda'/>"
                     "<diskSnapshot method='exec'/></disk></devices></domain>");
}

static inline Backend *
open_with_hook (const TemporaryDirectory *store)
{
  g_autofree char *hook = hook_path (store);
  g_autoptr (GError) error = NULL;
  const BackendOptions options = { .hook = hook, .hook_seconds = 20 };
  Backend *backend = backend_open (store->path, &options, &error);
  if (!backend)
    fail_msg ("%s", error->message);
  return backend;
}

/* A domain with the snapshot base; its id. */
static inline char *
make_domain (const TemporaryDirectory *store)
{
  hook_write (store, COPIES);
  images_run (store->path, "mkdir db01 copies; truncate -s 4096 db01/disk.raw");
  describe_domain (store);
  g_autoptr (Backend) backend = open_with_hook (store);
  char *base = create (backend, "db01", "base", NULL);
  assert_non_null (base);
  assert_int_equal (count_files (store, "*-*-*-*-*"), 3); /* the copy, the records, one of them */
  return base;
}
