#pragma once
#include "../backend.h"

/* Domains that live in memory only: "memory:" is a small demonstration tree, and
 * "memory:?key=value&key=value" makes what tests and benchmarks need (script.h lists the keys). */
extern const BackendOps memory_ops;

/* As if the machine had written: its disk @target holds other bytes now, the same ones whenever
 * @number is the same.  NOT_FOUND, BUSY. */
gboolean memory_write_disk (Backend *backend, const char *domain, const char *target, guint number,
                            GError **error);
