#include "moving.h"

static Lock moving = LOCK_INIT;

Held
moving_hold (void)
{
  return lock_hold (&moving);
}
