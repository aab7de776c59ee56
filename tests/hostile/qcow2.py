"""Makes qcow2 images field by field, so that each field can be made wrong.

The format is docs/interop/qcow2.txt in QEMU's source. An Image is sound until somebody changes it:
a cluster each of header, refcount table, L1 and L2 table, and one of data for each of the first
clusters of the disk. Reference counts are left out: nobody reads them.
"""
import struct
import zlib

COPIED = 1 << 63
COMPRESSED = 1 << 62

FORMAT_EXTENSION = 0xE2792ACA
DATA_FILE_EXTENSION = 0x44415441


class Image:
    """`header`: the fields by name; `l1`, `l2`, `bitmaps`: entries; `pieces`: bytes by offset in
    the file; `disk`: what the disk's first clusters hold; `length`: where the file is cut off."""

    def __init__(self, bits=12, version=3, clusters=8, extended=False, zstd=False):
        self.cluster = 1 << bits
        self.entry = 16 if extended else 8
        self.extensions = []
        self.backing = None
        self.tail = b""  # what follows the extensions
        self.length = None
        self.pieces = {}
        self.disk = [bytes([ord("A") + i]) * self.cluster for i in range(clusters)]
        first = 4 * self.cluster
        self.hosts = [first + i * self.cluster for i in range(clusters)]
        self.end = first + clusters * self.cluster
        self.l1 = [3 * self.cluster | COPIED]
        self.l2 = [host | COPIED for host in self.hosts]
        self.bitmaps = [0xFFFFFFFF] * clusters  # with extended L2 tables
        self.header = {
            "magic": 0x514649FB, "version": version, "backing_offset": 0, "backing_length": 0,
            "bits": bits, "size": clusters << bits, "encryption": 0, "l1_entries": 1,
            "l1_offset": 2 * self.cluster, "refcount_offset": self.cluster, "refcount_clusters": 1,
            "snapshots": 0, "snapshots_offset": 0,
            "incompatible": (8 if zstd else 0) | (16 if extended else 0), "compatible": 0,
            "autoclear": 0, "refcount_order": 4, "header_length": 112, "compression": int(zstd),
        }  # fmt: skip

    def set(self, **fields):
        assert fields.keys() <= self.header.keys()
        self.header.update(fields)
        return self

    def on(self, name, form=b"raw"):
        """Puts it on a backing file; `form` None: without saying its format."""
        self.backing = name
        if form is not None:
            self.extensions.append((FORMAT_EXTENSION, form))
        return self

    def append(self, data, aligned=True):
        """Where the bytes are in the file."""
        if aligned:
            self.end = -(-self.end // self.cluster) * self.cluster
        at = self.end
        self.pieces[at] = data
        self.end += len(data)
        return at

    def compress(self, index, packed, sectors=None, at=None):
        """Makes the disk's cluster `index` a compressed one that is stored as `packed`."""
        at = self.append(packed) if at is None else at
        if sectors is None:
            sectors = (at + max(len(packed), 1) - 1) // 512 - at // 512
        shift = 62 - (self.cluster.bit_length() - 1 - 8)
        self.l2[index] = COMPRESSED | sectors << shift | at
        self.bitmaps[index] = 0
        return self

    def second_table(self, entry=None):
        """Lets the disk go on past what one L2 table covers; `entry`: of the L1 table."""
        covered = self.cluster // self.entry * self.cluster
        self.set(size=covered + 4 * self.cluster, l1_entries=2)
        table = self.append(b"\0" * self.cluster)
        self.l1.append(table | COPIED if entry is None else entry)
        return covered

    def snapshot(self, extra=None, **fields):
        """Adds a snapshot with the ID 1 that is the disk as it is, unless fields say otherwise."""
        entry = {
            "l1_offset": self.header["l1_offset"], "l1_entries": 1, "id": b"1", "tag": b"before",
            "id_length": None, "disk": self.header["size"], "extra_length": 16,
        } | fields  # fmt: skip
        extra = struct.pack(">QQ", 0, entry["disk"]) if extra is None else extra
        id_length = len(entry["id"]) if entry["id_length"] is None else entry["id_length"]
        data = struct.pack(
            ">QIHHIIQII", entry["l1_offset"], entry["l1_entries"], id_length, len(entry["tag"]),
            1700000000, 0, 0, 0, entry["extra_length"],
        )  # fmt: skip
        data += extra + entry["id"] + entry["tag"]
        data += b"\0" * (-len(data) % 8)
        if self.header["snapshots"] == 0:
            self.set(snapshots=1, snapshots_offset=self.append(data))
        else:
            self.set(snapshots=self.header["snapshots"] + 1)
            self.append(data, aligned=False)
        return self

    def __header(self):
        fields = self.header
        data = struct.pack(
            ">IIQIIQIIQQIIQ",
            *(fields[name] for name in list(fields)[:13]),
        )
        if fields["version"] >= 3:
            data += struct.pack(">QQQII", *(fields[name] for name in list(fields)[13:18]))
            data += struct.pack(">B7x", fields["compression"])
            if fields["header_length"] < 112:
                data = data[:104]
        for kind, text in self.extensions:
            data += struct.pack(">II", kind, len(text)) + text + b"\0" * (-len(text) % 8)
        return data + struct.pack(">Q", 0) + self.tail

    def write(self, path):
        if self.backing is not None:
            at = len(self.__header())
            self.tail += self.backing
            for name, value in (("backing_offset", at), ("backing_length", len(self.backing))):
                self.header[name] = self.header[name] or value
        table = b"".join(
            struct.pack(">QQ", *pair)[: self.entry] for pair in zip(self.l2, self.bitmaps)
        )
        with open(path, "wb") as file:
            file.truncate(self.end)
            for at, data in {
                0: self.__header(),
                2 * self.cluster: struct.pack(f">{len(self.l1)}Q", *self.l1),
                3 * self.cluster: table,
                **dict(zip(self.hosts, self.disk)),
                **self.pieces,
            }.items():
                file.seek(at)
                file.write(data)
            if self.length is not None:
                file.truncate(self.length)


# ---- compressed bytes


def deflate(data, bits=-12):
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return packer.compress(data) + packer.flush()


def zstd_run(byte, length, window=10, last=True):
    """A zstd frame of `length` times `byte`, whose window is 2^window bytes."""
    frame = struct.pack("<IBB", 0xFD2FB528, 0, (window - 10) << 3)
    while length > 0:
        count = min(length, 128 * 1024, 1 << window)
        length -= count
        head = int(last and length == 0) | 1 << 1 | count << 3
        frame += struct.pack("<I", head)[:3] + bytes([byte])
    return frame
