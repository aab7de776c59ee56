#pragma once
#include "../backend/threads.h"
#include "document.h"
#include "request.h"
#include "written.h"

/* An open file that is no disk: made by file.c, written to by write.c. */
typedef struct {
  OpenThing thing;
  Node *node; /* a reference */
  Text *text; /* what it said when it was opened */
  Lock lock;
  gboolean accepted; /* a command has run, or was cancelled; protected by lock */
  Written written;   /* to an editable text; protected by lock */
  Document document; /* to a file that takes one; protected by lock */
  gboolean cached;   /* what is read goes into the page cache */
} Handle;

static inline Handle *
handle_of (const Request *request)
{
  return (Handle *)(guintptr)request->arguments.file.fh;
}
