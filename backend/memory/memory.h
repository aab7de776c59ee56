#pragma once
#include "../backend.h"

/* Domains that live in memory only: "memory:" is a small demonstration tree, and
 * "memory:?key=value&key=value" makes what tests and benchmarks need (script.h lists the keys). */
extern const BackendOps memory_ops;
