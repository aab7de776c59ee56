#pragma once
#include "../model.h"
#include "../threads.h"
#include "ids.h"

/* What is known of one domain: its last picture, and whether that is still good.
 *
 * A picture is loaded when somebody wants it.  Whatever may have changed it only counts up what is
 * `wanted`; while one thread loads, others wait for that.  All functions may be called from any
 * thread, and none waits for libvirt. */
typedef struct Machine Machine;

Machine *machine_new (const char *name);
void machine_free (Machine *machine);
const char *machine_name (const Machine *machine);

/* The uuid that a list of domains said; "" : none did. */
void machine_set_uuid (Machine *machine, const char *uuid);
/* NULL: not known.  Free with g_free. */
char *machine_uuid (Machine *machine);

/* The last picture; NULL: there is none.  *@good (may be NULL): nothing has changed since. */
Domain *machine_picture (Machine *machine, gboolean *good);

/* Something may have changed: @snapshot (an id; NULL: not known which), or with @anew anything. */
void machine_touch (Machine *machine, const char *snapshot, gboolean anew);

/* What a load has to know and brings back. */
typedef struct {
  Domain *before;    /* the last picture; NULL: none */
  gboolean anew;     /* nothing of it may be believed */
  GHashTable *dirty; /* set of char *: ids of snapshots that may be others */
  guint number;      /* which load this is */
  guint wanted;      /* what is wanted when it begins */
} Load;

/* TRUE: the caller must load, and end in machine_loaded; FALSE: *@picture is good.  Waits for the
 * load of another thread, but not where the picture is good. */
gboolean machine_begin_load (Machine *machine, Load *load, Domain **picture);
/* The same even if the picture seems good, which others go on using meanwhile. */
void machine_begin_look (Machine *machine, Load *load);
/* @picture is taken; NULL: it could not be loaded.  @gone: there is no such domain any more. */
void machine_loaded (Machine *machine, Load *load, Domain *picture, gboolean gone);
/* Who has which id; only between those two. */
Ids *machine_ids (Machine *machine);

/* A picture in place of the last one, which says the same and a line more. */
void machine_note_stale (Machine *machine, const char *note);

/* One change at a time: BUSY. */
gboolean machine_begin_change (Machine *machine, GError **error);
void machine_end_change (Machine *machine);
