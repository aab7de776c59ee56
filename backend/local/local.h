#pragma once
#include "../backend.h"

/* Snapshots in a directory of disk images: "local:DIRECTORY", or just the directory. */
extern const BackendOps local_ops;
