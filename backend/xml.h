#pragma once
#include "model.h"
#include <libxml/tree.h>

#define XML_DISKS_LIMIT 1000 /* of a domain */

/* XML from anybody, read safely: see shared limits in xml.c.  Any DOCTYPE,
 * external entity, deep or huge document is INVALID, in bounded time and memory.
 * Returns a document to be freed with xmlFreeDoc. */
xmlDoc *xml_parse (const char *text, gsize length, GError **error);

/* Before anything of libxml2's is used, in any thread; done by everything declared here. */
void xml_ready (void);

/* The first child element of @parent with this name in any namespace; NULL: none. */
xmlNode *xml_child (const xmlNode *parent, const char *name);
/* Text of the child element @name, white space at both ends removed; NULL: none.  Free with g_free.
 */
char *xml_child_text (const xmlNode *parent, const char *name);
/* An attribute; NULL: none.  Free with g_free. */
char *xml_attribute (const xmlNode *node, const char *name);
/* The element as text, indented as a document of its own.  Free with g_free. */
char *xml_element_text (const xmlNode *node);
/* The same with the layout that it has.  Free with g_free. */
char *xml_element_bare (const xmlNode *node);

/* What <domain> says that we need; uuid may be NULL.  Free with domain_description_free. */
typedef struct {
  char *target; /* vda */
  char *format; /* <driver type>; NULL: not said */
  char *source; /* <source file> or <source dev>; NULL: neither */
  char *method; /* <diskSnapshot method>; NULL: not said */
  char *device; /* the <device path> in that; NULL: none */
  char *xml;    /* the <disk> element */
} DiskDescription;
typedef struct {
  char *name;
  char *uuid;
  GPtrArray *disks; /* of DiskDescription; device='disk' only */
} DomainDescription;
DomainDescription *domain_description_parse (const char *text, gsize length, GError **error);
void domain_description_free (DomainDescription *description);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (DomainDescription, domain_description_free)

/* <source file>, or <source dev>, of a <disk> element (NULL is none); NULL: there is none.  Free
 * with g_free. */
char *xml_disk_source (const Text *disk);

/* The same of <driver type>: "qcow2", "raw". */
char *xml_disk_format (const Text *disk);

/* The <source> of a <disk> (NULL is none) as it stands there; NULL: there is none.  Free with
 * g_free. */
char *xml_disk_source_element (const Text *disk);

/* Whether @word may be a disk's target.  These become names of files and parts of ids, so only
 * plain words pass.  (libvirt's schema allows no others.) */
gboolean xml_is_target (const char *word);

/* Whether libvirt's schema takes @name for a disk of a snapshot: a target, or an absolute path. */
gboolean xml_is_disk_name (const char *name);

/* The method of a <diskSnapshot> element; NULL with INVALID: it is none.  Free with g_free. */
char *xml_snapshot_method (const Text *element, GError **error);
/* The <device path> in it; NULL: there is none.  Free with g_free. */
char *xml_snapshot_device (const Text *element);
/* The element that says @method.  Free with g_free. */
char *xml_snapshot_method_element (const char *method);

/* The <domain> @text with absolute paths for the files of its disks; relative ones are in
 * @directory.  <diskSnapshot> is left out, which libvirt does not know.  NULL: it is no XML.  Free
 * with g_free. */
char *xml_domain_absolute (const Text *text, const char *directory);

/* A <disk> element for a disk image, or for a block device: what is below /dev, but not in memory
 * there. */
char *xml_disk (const char *target, const char *format, const char *file);

/* The same for an image that holds a snapshot: read-only, a file of its own, or with the
 * snapshot @inside inside the image (NULL: it is the whole image). */
char *xml_frozen_disk (const char *target, const char *format, const char *file,
                       const char *inside);

/* The smallest <domain> that libvirt can define, for a domain that is only an image.  @disks: its
 * <disk> elements, one after the other. */
char *xml_domain (const char *name, const char *uuid, const char *disks);

/* The <domainsnapshot> of @snapshot, valid against libvirt's schema as far as it is ours: its
 * kept_xml and domain_xml go in as they are.  @parent: its parent's name or NULL.  The domain
 * element is @snapshot's own domain_xml, or only @uuid; a kept <memory> or <disks> stands for the
 * one that would be made.  Text that XML cannot carry (control characters) is INVALID. */
char *xml_domainsnapshot (const Snapshot *snapshot, const char *parent, const char *uuid,
                          GError **error);
