#pragma once
#include "../job.h"
#include "places.h"

/* An image that nobody may need any more. */
typedef struct {
  int directory;    /* that it is in; borrowed, as are both names */
  const char *path; /* of that, absolute */
  const char *file;
  gboolean gone; /* it was unlinked, durably */
  char *reader;  /* else its only reader, if it has just one and is nobody's disk: absolute, a
                    running machine's disk by its active path; NULL: there are others */
} SpareImage;
void spare_image_clear (SpareImage *image); /* what was found out of it */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SpareImage, spare_image_clear)

/* Unlinks those of @images (of SpareImage *, a reader before what it reads) that nothing needs any
 * more.  No file of any store gets another name meanwhile.  An error may come after some are gone.
 */
gboolean spare_images_unlink (const Places *places, const GPtrArray *images, Job *job,
                              GError **error);
