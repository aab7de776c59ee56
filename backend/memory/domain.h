#pragma once
#include "draft.h"

/* A domain in memory: a picture, and at most one change of it at a time.  Any thread. */
typedef struct MemoryDomain MemoryDomain;

MemoryDomain *memory_domain_new (Domain *picture);
void memory_domain_free (MemoryDomain *domain);
const char *memory_domain_name (const MemoryDomain *domain);

/* The caller's own reference. */
Domain *memory_domain_picture (MemoryDomain *domain);

/* BUSY while a change is being made; after TRUE the caller owes an end. */
gboolean memory_domain_begin (MemoryDomain *domain, Draft *draft, GError **error);
/* @publish: @draft's picture takes the place of the old one.  Clears @draft. */
void memory_domain_end (MemoryDomain *domain, Draft *draft, gboolean publish);
