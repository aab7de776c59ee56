#pragma once
#include "../backend.h"
#include "own.h"

/* BackendOps.run_state. */
char *handle_run_state (Backend *backend, const char *domain, GError **error);

/* The domain itself, to be given back with handle_close. */
typedef struct {
  virConnectPtr link;
  virDomainPtr domain;
} Handle;
gboolean handle_open (Handle *handle, Libvirt *libvirt, const char *domain, GError **error);
void handle_close (Handle *handle);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Handle, handle_close)

/* libvirt's word for the state that the domain is in; NULL: libvirt's last error says why. */
const char *handle_state (const Handle *handle);
