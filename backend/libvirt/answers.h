#pragma once
#include <glib.h>
#include <libvirt/libvirt.h>

/* What libvirt asks for when it connects: a user's name, a password.
 *
 * Its own files and variables (auth.conf, LIBVIRT_AUTH_FILE) are looked at by libvirt first.  What
 * is left is asked on the terminal, where there is one and as long as that is allowed, and is
 * remembered for connecting again; without a terminal there is no answer, and nobody waits. */
typedef struct Answers Answers;

Answers *answers_new (void);
/* Overwrites what was answered. */
void answers_free (Answers *answers);

/* For virConnectOpenAuth; valid while @answers is.  @ask: whether people may be asked.  One thread
 * at a time. */
virConnectAuth *answers_auth (Answers *answers, gboolean ask);
