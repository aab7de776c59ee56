#pragma once
#include "../threads.h"

/* Held while files get other names, and while it is asked who reads an image: that goes through
 * directories name by name, and a file that moves meanwhile would be missed.  The innermost lock;
 * of the whole process, because domains and stores share directories. */
Held moving_hold (void);
