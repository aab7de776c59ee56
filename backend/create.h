#pragma once
#include "backend.h"

/* What every backend checks of a request for a snapshot, in one place. */

/* Flags that exclude each other, and what makes no sense for any backend: INVALID. */
gboolean create_check (const CreateOptions *options, GError **error);

/* The parts of that which a redefinition asks as well.  @mode and @file may be NULL. */
gboolean create_check_memory (const char *mode, const char *file, GError **error);
gboolean create_check_disk (const DiskRequest *request, GError **error);
gboolean create_check_compression (const char *method, GError **error); /* NULL: none */

/* The new snapshot's name: @wanted, or a made-up one.  EXISTS.  Free with g_free. */
char *create_name (const Domain *domain, const char *wanted, GError **error);

/* The same for one of the disk @target alone, whose names are its own (NULL: of the domain). */
char *create_disk_name (const Domain *domain, const char *target, const char *wanted,
                        GError **error);

/* *@parent: the id of its parent (the picture's or @options'); NULL: it is a root.  NOT_CURRENT,
 * INVALID: there is no such snapshot. */
gboolean create_parent (const Domain *domain, const CreateOptions *options, const char **parent,
                        GError **error);

/* What was asked for the disk @target, whose source is @file (NULL: none); NULL: nothing. */
const DiskRequest *create_disk_request (const CreateOptions *options, const char *target,
                                        const char *file);
/* Each request is for a disk that the domain has, as is the one disk that a snapshot is to be of;
 * none is asked for twice: INVALID. */
gboolean create_check_disks (const CreateOptions *options, const Domain *domain, GError **error);

/* What a picture says of a snapshot that was asked for like this (`quiesced`).  @why_not: why the
 * guest's file systems were not at rest; NULL: they were.  Free with g_free; NULL: nobody asked. */
char *create_quiesced (const CreateOptions *options, const char *why_not);
/* The same for a machine that is off, in which nobody can be asked: BUSY where it is required. */
gboolean create_quiesced_off (const CreateOptions *options, char **quiesced, GError **error);

/* Whether a disk with this request is left out of the snapshot. */
gboolean disk_request_leaves_out (const DiskRequest *request);
