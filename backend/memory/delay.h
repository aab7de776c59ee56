#pragma once
#include "../job.h"

/* Takes @milliseconds, reporting progress, or less when @job is cancelled. */
void delay_for (guint milliseconds, Job *job);
