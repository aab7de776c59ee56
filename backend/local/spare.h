#pragma once
#include "../job.h"
#include "places.h"
#include "records.h"

/* So many are asked for, and unlinked, at the price of one; each holds two descriptors, and
 * operations on other domains wait as long as they are unlinked. */
#define SPARE_IMAGES_AT_ONCE 64

/* An image that nobody may need any more. */
typedef struct {
  int directory; /* that it is in */
  char *path;    /* of that, absolute */
  char *file;
  int held;      /* open, so that its blocks are not freed while operations wait; -1: it is not */
  gboolean gone; /* it is not there; after the unlinking that is durable */
  char *reader;  /* else its only reader, if it has just one and is nobody's disk: absolute, a
                    running machine's disk by its active path; NULL: there are others */
} SpareImage;

/* The one that a record names, which is not elsewhere.  NULL: its directory cannot be opened. */
SpareImage *spare_image_open (const Places *places, const RecordImage *image, GError **error);
void spare_image_free (SpareImage *image); /* NULL: nothing */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SpareImage, spare_image_free)

/* Unlinks those of @images (of SpareImage *, each of another file) that nothing needs any more, and
 * those that only they need.  No file of any store gets another name meanwhile.  An error may come
 * after some are gone. */
gboolean spare_images_unlink (const Places *places, const GPtrArray *images, Job *job,
                              GError **error);
