#pragma once
#include "../backend.h"
#include <libvirt/libvirt.h>

/* Waiting for news: libvirt's events where there are some, polling for the rest, and opening the
 * connection again after it was lost. */
typedef struct News News;

/* libvirt's event loop runs from then on; nothing else.  @libvirt: a Libvirt *. */
News *news_new (gpointer libvirt, BackendChanged changed, gpointer data, GError **error);
/* Starts the threads. */
void news_start (News *news);
/* Ends them, and the connection with them, which may be closed afterwards.  What is told then means
 * nothing. */
void news_stop (News *news);
/* After the connection was closed. */
void news_free (News *news);

/* A new connection: whose events are news from now on. */
void news_opened (News *news, virConnectPtr link);
/* It will be closed: no events of it come afterwards. */
void news_closing (News *news, virConnectPtr link);
/* The connection was lost, so that it is looked after at once.  Any thread. */
void news_wake (News *news);
/* Tells who watches about @domain; NULL: domains came or went.  Any thread. */
void news_tell (News *news, const char *domain);
