#pragma once
#include "layer.h"

#define LAYERS_MOST 1024

/* The image @path at its snapshot @snapshot (an ID; NULL: as it is) and everything behind it, the
 * top first; of Layer; the array unrefs the images.  Arguments and errors as image_reader_open. */
GArray *layers_open (const ImageOpener *opener, const char *path, ImageFormat format,
                     const char *snapshot, GError **error);
