#pragma once
#include "../backend.h"

/* The backend of any libvirt URI. */
extern const BackendOps libvirt_ops;
