"""Headers with one wrong field each, and files that end too early."""
from qcow2 import DATA_FILE_EXTENSION, Image

KIB, MIB = 1 << 10, 1 << 20
TOP = 1 << 63  # the highest bit of 64


def headers(place):
    for name, says, fields in (
        ("magic", "not a qcow2 image", {"magic": 0x514649FA}),
        ("version 0", "version 0 is unknown", {"version": 0}),
        ("version 1", "version 1 is unknown", {"version": 1}),
        ("version 4", "version 4 is unknown", {"version": 4}),
        ("version 2^32-1", "is unknown", {"version": 0xFFFFFFFF}),
        ("cluster bits 0", "cluster size", {"bits": 0}),
        ("cluster bits 8", "cluster size", {"bits": 8}),
        ("cluster bits 22", "cluster size", {"bits": 22}),
        ("cluster bits 64", "cluster size", {"bits": 64}),
        ("cluster bits 2^32-1", "cluster size", {"bits": 0xFFFFFFFF}),
        ("header length 0", "header of 0 bytes", {"header_length": 0}),
        ("header length 72", "header of 72 bytes", {"header_length": 72}),
        ("header length 108", "header of 108 bytes", {"header_length": 108}),
        ("header length over a cluster", "header of 4104 bytes", {"header_length": 4104}),
        ("header length 2^32-8", "header of", {"header_length": 0xFFFFFFF8}),
        ("incompatible bit 5", "not known here", {"incompatible": 1 << 5}),
        ("incompatible bit 63", "not known here", {"incompatible": TOP}),
        ("data file without a name", "external data", {"incompatible": 4}),
        ("encryption AES", "encrypted", {"encryption": 1}),
        ("encryption LUKS", "encrypted", {"encryption": 2}),
        ("encryption 3", "encryption method 3", {"encryption": 3}),
        ("extended L2 in small clusters", "too small for extended", {"incompatible": 16}),
        ("compression 2", "compression method 2", {"compression": 2, "incompatible": 8}),
        ("compression 255", "compression method 255", {"compression": 255}),
        ("compression without its bit", "contradicts itself", {"compression": 1}),
        ("compression bit alone", "contradicts itself", {"incompatible": 8}),
        ("refcount order 7", "reference counts", {"refcount_order": 7}),
        ("refcount order 2^32-1", "reference counts", {"refcount_order": 0xFFFFFFFF}),
        ("refcount table of none", "no refcount table", {"refcount_clusters": 0}),
        ("refcount table of 8 MiB and one", "too large", {"refcount_clusters": 2049}),
        ("refcount table of 2^32-1", "too large", {"refcount_clusters": 0xFFFFFFFF}),
        ("refcount table misaligned", "impossible place", {"refcount_offset": 4104}),
        ("refcount table at 0", "outside of", {"refcount_offset": 0}),
        ("refcount table outside", "outside of", {"refcount_offset": 1 << 40}),
        ("refcount table at 2^64-4096", "impossible place", {"refcount_offset": 2**64 - 4096}),
        ("size 2^63", "disk is too large", {"size": TOP}),
        ("size 2^64-1", "disk is too large", {"size": 2**64 - 1}),
        ("size 2^63-512", "too small for its disk", {"size": TOP - 512}),
        ("L1 too small", "too small for its disk", {"size": 3 * MIB}),
        ("L1 of none", "too small for its disk", {"l1_entries": 0}),
        ("L1 of 32 MiB and one", "L1 table is too large", {"l1_entries": 4 * MIB + 1}),
        ("L1 of 2^32-1", "L1 table is too large", {"l1_entries": 0xFFFFFFFF}),
        ("L1 misaligned", "impossible place", {"l1_offset": 8200}),
        ("L1 at 0", "outside of", {"l1_offset": 0}),
        ("L1 outside", "outside of", {"l1_offset": 1 << 40}),
        ("L1 at 2^56", "impossible place", {"l1_offset": 1 << 56}),
        ("L1 at 2^64-4096", "impossible place", {"l1_offset": 2**64 - 4096}),
    ):
        place.refused(name, says, Image().set(**fields))


def harmless(place):
    """What need not be known to read."""
    for name, fields in (
        ("dirty", {"incompatible": 1}),
        ("corrupt", {"incompatible": 2}),
        ("compatible bits", {"compatible": 2**64 - 1}),
        ("autoclear bits", {"autoclear": 2**64 - 1}),
        ("refcount order 0", {"refcount_order": 0}),
        ("header length 104", {"header_length": 104}),
        ("backing name of no bytes", {"backing_offset": 512}),
    ):
        place.opened(name, Image().set(**fields))
    image = Image()
    image.extensions = [(0x12345678, b"unknown")]
    place.opened("extension unknown", image)


def extensions(place):
    for name, says, kind, text in (
        ("format name too long", "too long", 0xE2792ACA, b"f" * 16),
        ("format name with NUL", "NUL", 0xE2792ACA, b"ra\0w"),
    ):
        image = Image()
        image.extensions = [(kind, text)]
        place.refused(name, says, image)
    for name, length in (("extension over the cluster", 4096), ("extension of 2^32-1", 2**32 - 1)):
        image = Image()
        image.pieces[112] = (0x12345678).to_bytes(4, "big") + length.to_bytes(4, "big")
        place.refused(name, "extension is too long", image)
    many = Image(bits=21, clusters=1)
    many.pieces[112] = (0x1234567800000000).to_bytes(8, "big") * 2000
    place.refused("extensions without end", "too many header extensions", many)
    for name, text in (("/etc/passwd", b"/etc/passwd"), ("json", b'json:{"driver":"file"}')):
        image = Image().set(incompatible=4, autoclear=2 if name == "json" else 0)
        image.extensions = [(DATA_FILE_EXTENSION, text)]
        place.refused(f"data file {name}", "external data", image)


def lengths(place):
    for length, says in (
        (0, "not a qcow2 image"),
        (3, "not a qcow2 image"),
        (4, "cut off"),
        (71, "cut off"),
        (103, "cut off"),
        (104, "cut off"),
        (115, "cut off"),
        (512, "outside of"),
        (8 * KIB, "outside of"),
    ):
        image = Image()
        image.length = length
        place.refused(f"cut at {length}", says, image)
    for length, bad in ((12 * KIB, range(8)), (16 * KIB, range(8)), (28 * KIB, range(3, 8))):
        image = Image()
        image.length = length
        place.opened(f"cut at {length}", image, "cut off", bad)
    inside = Image()
    inside.length = 12 * KIB + 30  # of the L2 table
    place.opened("cut in the L2 table", inside, "cut off", range(8))
    inside = Image()
    inside.length = 28 * KIB + 100  # of cluster 3
    inside.disk[3] = inside.disk[3][:100].ljust(4096, b"\0")
    place.opened("cut in a cluster", inside, "cut off", range(4, 8))
    inside = Image()
    inside.set(l1_offset=inside.append(inside.l1[0].to_bytes(8, "big")))
    inside.length = inside.end - 1
    place.opened("cut in the L1 table", inside, "cut off", range(8))


FAMILIES = (headers, harmless, extensions, lengths)
