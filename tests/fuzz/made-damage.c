/* Damage of single fields, and notes of what it concerns. */
#include "made.h"
#include <string.h>
#include <unistd.h>

#define MOST_DAMAGES 6

static void
change_byte (const Made *made, guint64 at, Recipe *recipe)
{
  guint8 byte = 0, with = (guint8)recipe_take (recipe, 1);
  MUST (pread (made->fd, &byte, 1, (off_t)at) >= 0);
  byte ^= with;
  MUST (pwrite (made->fd, &byte, 1, (off_t)at) == 1);
}

/* One bit of it, or all of it. */
static void
change_entry (const Made *made, guint64 at, Recipe *recipe)
{
  guint64 entry = 0, how = recipe_take (recipe, 1);
  MUST (pread (made->fd, &entry, sizeof entry, (off_t)at) >= 0);
  guint64 value = GUINT64_FROM_BE (entry) ^ G_GUINT64_CONSTANT (1) << (how & 63);
  entry = GUINT64_TO_BE (how & 128 ? recipe_take (recipe, 8) : value);
  MUST (pwrite (made->fd, &entry, sizeof entry, (off_t)at) == sizeof entry);
}

static MadeMap *
choose_map (Made *made, Recipe *recipe)
{
  return &made->maps[recipe_take (recipe, 1) % made->maps_count];
}

static Placed *
choose_placed (Made *made, Recipe *recipe)
{
  GArray *placed = choose_map (made, recipe)->placed;
  guint64 wish = recipe_take (recipe, 1);
  return placed->len ? &g_array_index (placed, Placed, wish % placed->len) : NULL;
}

static void
damage_l2 (Made *made, Recipe *recipe)
{
  Placed *placed = choose_placed (made, recipe);
  if (!placed)
    return;
  placed->damaged = TRUE;
  change_entry (made, placed->entry, recipe);
}

static void
damage_bitmap (Made *made, Recipe *recipe)
{
  Placed *placed = choose_placed (made, recipe);
  if (!placed || !made->extended)
    return;
  placed->damaged = TRUE;
  change_entry (made, placed->entry + 8, recipe);
}

static void
damage_packed (Made *made, Recipe *recipe)
{
  Placed *placed = choose_placed (made, recipe);
  if (!placed || placed->kind != PLACED_COMPRESSED)
    return;
  placed->damaged = TRUE;
  change_byte (made, placed->host + recipe_take (recipe, 2) % placed->packed, recipe);
}

static void
damage_l1 (Made *made, Recipe *recipe)
{
  MadeMap *map = choose_map (made, recipe);
  guint64 wish = recipe_take (recipe, 1);
  if (map->l2->len == 0)
    return;
  MadeL2 *l2 = &g_array_index (map->l2, MadeL2, wish % map->l2->len);
  l2->damaged = TRUE;
  change_entry (made, map->l1 + l2->index * 8, recipe);
}

static void
damage_header (Made *made, Recipe *recipe)
{
  made->unknown = TRUE;
  change_byte (made, recipe_take (recipe, 1) % 192, recipe);
}

static void
damage_snapshots (Made *made, Recipe *recipe)
{
  guint64 wish = recipe_take (recipe, 1);
  made->snapshots_unknown = TRUE;
  if (made->snapshots)
    change_byte (made, made->snapshots + wish % made->snapshots_length, recipe);
}

/* Shorter, or longer by a hole. */
static void
damage_length (Made *made, Recipe *recipe)
{
  guint64 wish = recipe_take (recipe, 4);
  made->cut = TRUE;
  MUST (ftruncate (made->fd, (off_t)(wish >> 31 ? wish : wish % (made->end + 1))) == 0);
}

void
made_damage (Made *made, Recipe *recipe)
{
  static void (*const damages[]) (Made *, Recipe *) = {
    damage_l2, damage_l2,     damage_bitmap,    damage_packed,
    damage_l1, damage_header, damage_snapshots, damage_length,
  };
  for (guint i = 0; i < MOST_DAMAGES && recipe->size > 0; i++) {
    guint64 which = recipe_take (recipe, 1);
    /* What was cut off comes back as a hole when something is written behind it: perhaps a table,
     * which is then another one. */
    made->unknown = made->unknown || made->cut;
    damages[which % G_N_ELEMENTS (damages)](made, recipe);
  }
}
