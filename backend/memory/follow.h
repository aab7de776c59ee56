#pragma once
#include "../job.h"
#include "../threads.h"
#include "script.h"

/* A script being carried out: which failures are still to come.  Any thread. */
typedef struct {
  Script script; /* failures: protected by lock; the rest never changes */
  Lock lock;
} Course;

/* Takes the time that the script says, or less when @job (NULL: there is none) is cancelled; FALSE
 * then, and when the operation is to fail. */
gboolean follow (Course *course, Operation operation, Job *job, GError **error);
/* Whether that takes time. */
gboolean follow_waits (const Course *course, Operation operation);
