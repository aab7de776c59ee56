/* Whether one image hides all of the one behind it: asked of the tables in both files. */
#include "covering.h"
#include "layer.h"

typedef struct {
  Layer over, below;
  guint64 counted; /* up to here clusters of @over are in @seen, as far as they belong there */
  guint64 seen;
} Covering;

static Layer
layer_of (Image *image)
{
  return (Layer){ .image = image, .size = image->size, .l1 = image->header->l1 };
}

static void
add (Covering *covering, guint64 from, guint64 to)
{
  guint64 last = (G_GUINT64_CONSTANT (1) << covering->over.image->header->cluster_bits) - 1;
  from = MAX (from & ~last, covering->counted);
  to = (to + last) & ~last;
  if (to <= from)
    return;
  covering->seen += to - from;
  covering->counted = to;
}

/* What @below has of the @length bytes that @over has nothing of. */
static gboolean
look_below (Covering *covering, guint64 offset, guint64 length, GError **error)
{
  for (guint64 end = offset + length; offset < end;) {
    Run run;
    if (!layer_run (&covering->below, offset, end - offset, TRUE, &run, error))
      return FALSE;
    if (run.kind != RUN_UNALLOCATED)
      add (covering, offset, offset + run.length);
    offset += run.length;
  }
  return TRUE;
}

static gboolean
look (Covering *covering, GError **error)
{
  guint64 end = MIN (covering->over.size, covering->below.size);
  for (guint64 offset = 0; offset < end;) {
    Run run;
    if (!layer_run (&covering->over, offset, end - offset, TRUE, &run, error) ||
        (run.kind == RUN_UNALLOCATED && !look_below (covering, offset, run.length, error)))
      return FALSE;
    offset += run.length;
  }
  return TRUE;
}

gboolean
covering_count_seen (const ImageOpener *opener, const char *over, const char *below, guint64 *seen,
                     GError **error)
{
  g_autoptr (Image) top = image_open (opener, over, IMAGE_QCOW2, error);
  g_autoptr (Image) behind = top ? image_open (opener, below, IMAGE_QCOW2, error) : NULL;
  if (!behind)
    return FALSE;
  Covering covering = { .over = layer_of (top), .below = layer_of (behind) };
  if (!look (&covering, error))
    return FALSE;
  *seen = covering.seen;
  return TRUE;
}
