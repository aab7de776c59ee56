#pragma once
#include "../backend.h"

/* The documents that libvirt gets.  All are freed with g_free; INVALID where XML cannot carry what
 * they have to say. */

/* For a new snapshot.  It has a name, a time and a state always: the VirtualBox driver reads every
 * document as a redefinition's, and the others ignore what they did not ask for. */
char *document_create (const CreateOptions *options, const char *name, const char *state,
                       GError **error);

/* What a redefinition is made of; each fragment is one element or several, as text. */
typedef struct {
  const char *name;
  const char *description; /* NULL: none */
  const char *state;
  const char *parent; /* NULL: a root */
  gint64 created;
  const char *kept;   /* <memory>, <cookie> and so on; NULL: none */
  const char *disks;  /* <disks>; NULL: none */
  const char *domain; /* <domain>; NULL: only @uuid is said */
  const char *uuid;
} Redefinition;
char *document_redefine (const Redefinition *redefinition, GError **error);

/* libvirt's own @xml with another description ("" removes it), everything else as it was. */
char *document_describe (const char *xml, const char *description, GError **error);

/* @said, elements as text, with the passwords that @secret has for the same <graphics> (the nth of
 * its type) where @said has none.  NULL: one of them is no XML. */
char *document_with_passwords (const char *said, const char *secret);
