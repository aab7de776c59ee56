#pragma once
#include "model.h"

/* What domain_seal made; freed with the picture.  NULL is ignored. */
void forest_free (struct Forest *forest);
