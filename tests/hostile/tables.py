"""Snapshots and tables in the image that are wrong in one entry, and compressed clusters."""
import random

from qcow2 import COMPRESSED, COPIED, Image, deflate, zstd_run

KIB, MIB = 1 << 10, 1 << 20


def snapshots(place):
    for name, says, fields in (
        ("L1 outside", "outside of", {"l1_offset": 1 << 40}),
        ("L1 misaligned", "impossible place", {"l1_offset": 8200}),
        ("L1 at 0", "outside of", {"l1_offset": 0}),
        ("L1 too large", "too large", {"l1_entries": 4 * MIB + 1}),
        ("L1 of 2^32-1", "too large", {"l1_entries": 2**32 - 1}),
        ("disk of 2^63", "too large", {"disk": 1 << 63}),
        ("extra data of 1025", "too much extra", {"extra_length": 1025}),
        ("extra data of 2^32-1", "too much extra", {"extra_length": 2**32 - 1}),
        ("extra data past the end", "cut off", {"extra_length": 1024}),
        ("ID past the end", "cut off", {"id_length": 65535}),
    ):
        place.refused(f"snapshot {name}", says, Image().snapshot(**fields), "1")
    place.refused("snapshot twice", "more than one", Image().snapshot().snapshot(), "1")
    for name, says, fields in (
        ("65537", "too large", {"snapshots": 65537}),
        ("2^32-1", "too large", {"snapshots": 2**32 - 1}),
        ("table misaligned", "impossible place", {"snapshots": 1, "snapshots_offset": 8}),
        ("table at 0", "outside of", {"snapshots": 1}),
        ("table outside", "outside of", {"snapshots": 1, "snapshots_offset": 1 << 40}),
        ("table at 2^64-4096", "impossible", {"snapshots": 1, "snapshots_offset": 2**64 - 4096}),
    ):
        place.refused(f"snapshots {name}", says, Image().set(**fields))
    cut = Image().snapshot().set(snapshots=65536)
    place.refused("snapshots 65536 in a short table", "cut off", cut, "1")
    cut = Image().snapshot().set(snapshots=65536)
    place.opened("beside 65536 snapshots in a short table", cut)


def tables(place):
    for name, entry in (
        ("bit 0", 1), ("bit 8", 1 << 8), ("bit 56", 1 << 56), ("bit 62", 1 << 62),
        ("misaligned", 1 << 9), ("outside", 1 << 40), ("at 2^55", 1 << 55),
    ):  # fmt: skip
        image = Image()
        begin = image.second_table(entry | COPIED)
        place.opened(f"L1 entry {name}", image, "damaged L1|cut off")
        place.cases[-1].fails = [(begin, 4096), (begin + 8192, 8192)]
    for name, entry in (
        ("bit 1", 2), ("bit 8", 1 << 8), ("bit 56", 1 << 56), ("bit 61", 1 << 61),
        ("misaligned", 1 << 9), ("outside", 1 << 40), ("at 2^55", 1 << 55),
        ("at the end", 48 << 10),
    ):  # fmt: skip
        image = Image()
        image.l2[3] = entry if entry >= 1 << 40 or name == "at the end" else image.l2[3] | entry
        place.opened(f"L2 entry {name}", image, "damaged L2|cut off", [3])
    old = Image(version=2)
    old.l2[3] |= 1
    place.opened("zero flag in version 2", old, "damaged L2", [3])
    subclusters(place)


def subclusters(place):
    for name, entry, bitmap, whole in (
        ("both stored and zero", None, 0xFFFFFFFFFFFFFFFF, True),
        ("stored nowhere", 0, 0xFFFFFFFF, True),
        ("zero flag", "flag", 0xFFFFFFFF, True),
        ("one both stored and zero", None, 0x00000002FFFFFFFF, False),
    ):
        image = Image(bits=14, extended=True, clusters=5)
        image.bitmaps[3] = bitmap
        if entry is not None:
            image.l2[3] = 0 if entry == 0 else image.l2[3] | 1
        place.opened(f"subclusters {name}", image, "damaged", [3])
        if not whole:
            at = 3 * image.cluster
            place.cases[-1].fails = [(at + 512, 512)]
            place.cases[-1].reads += [(at, b"D" * 512), (at + 1024, b"D" * (16384 - 1024))]


def huge_table(place):
    """Every entry of the largest L1 table is the same L2 table."""
    image = Image(bits=16, clusters=1)
    image.set(size=(4 * MIB) << 29, l1_entries=4 * MIB)
    part = image.l1[0].to_bytes(8, "big") * (MIB // 8)
    image.header["l1_offset"] = image.append(part)
    for _ in range(31):
        image.append(part, aligned=False)
    last = ((4 * MIB) - 1) << 29
    place.opened("L1 of 32 MiB", image)
    place.cases[-1].reads += [(last, image.disk[0]), (last + 65536, b"\0" * 4096)]


# ---- compressed clusters


def compressed(place):
    plain = b"D" * 4096
    noise = random.Random(1).randbytes(64 * KIB)
    for name, packed, zstd in (
        ("garbage", b"\xa5" * 700, False),
        ("nothing", b"\0" * 512, False),
        ("short", deflate(plain[:-1]), False),
        ("empty", deflate(b""), False),
        ("cut", deflate(noise[:4096])[:200] + b"\xff" * 100, False),
        ("with a zlib head", deflate(plain, 12), False),
        ("bad block type", b"\x07" * 512, False),
        ("zstd garbage", b"\xa5" * 700, True),
        ("zstd nothing", b"\0" * 512, True),
        ("zstd short", zstd_run(68, 4095), True),
        ("zstd empty", zstd_run(68, 0), True),
        ("zstd cut", zstd_run(68, 4096, 10)[:9], True),
        ("zstd window of 2^41", zstd_run(68, 4096, 41), True),
        ("zstd skipped frames only", b"\x50\x2a\x4d\x18\x08\0\0\0" + b"s" * 8, True),
        ("zstd with a dictionary", b"\x28\xb5\x2f\xfd\x01\x00\x07\x01\x00\x00", True),
    ):
        image = Image(zstd=zstd).compress(3, packed)
        place.opened(f"compressed {name}", image, "is damaged", [3])
    far = Image(bits=16, clusters=5)
    far.disk[3] = noise[:30000] * 2 + b"D" * 5536
    far.compress(3, deflate(far.disk[3], -15))
    place.opened("compressed beyond the window", far)
    # Decompressed to its place, without a window of its own: then any is as good as another.
    place.opened("compressed zstd window of 1 GiB", Image(zstd=True).compress(3, zstd_run(68, 4096, 30)))
    for name, at in (("outside", 1 << 40), ("at the end", 48 * KIB)):
        image = Image().compress(3, deflate(plain), at=at)
        place.opened(f"compressed {name}", image, "damaged|cut off", [3])
    image = Image()
    image.compress(3, deflate(noise[:4096]))
    image.length = image.end - 100
    place.opened("compressed over the end", image, "damaged|cut off", [3])
    longest = Image().compress(3, deflate(plain), sectors=15)
    place.opened("compressed longer than said", longest)
    early = Image()
    early.l2[3] = COMPRESSED | 1 << 52
    place.opened("compressed outside by its sectors", early, "damaged|cut off", [3])


def bombs(place):
    image = Image()
    image.disk[3] = b"\0" * 4096
    image.compress(3, deflate(b"\0" * 4 * MIB)[:8000])
    place.opened("bomb", image)
    image = Image(bits=16, clusters=5, zstd=True)
    image.disk[3] = b"D" * 65536
    image.compress(3, zstd_run(68, 65536))
    place.opened("frame that fits", image)
    image = Image(zstd=True).compress(3, zstd_run(68, 100 * MIB, 17)[:8000])
    place.opened("zstd bomb", image, "is damaged", [3])
    image = Image(bits=21, clusters=5, zstd=True)
    image.compress(3, (b"\x50\x2a\x4d\x18\0\0\0\0" * 250000))
    place.opened("zstd of empty frames", image, "is damaged", [3])


FAMILIES = (snapshots, tables, huge_table, compressed, bombs)
