"""Makes random chains of disk images with qemu-img and qemu-io, the same ones for the same seed.

A chain is up to nine layers in one directory, the last of which is the top. Everything is QEMU's
work; what is decided here is only what to ask for. Each process costs some milliseconds, so the
commands of a round go to one qemu-io. Commands that QEMU refuses (a compressed write over data,
say) are part of the game and do nothing. The directory's file `commands` keeps them all, so that a
failure can be made again; where a cluster comes to lie still differs a little from run to run,
because QEMU compresses in threads.

In a round compressed writes come first: when what a compressed cluster lies in is freed and used
again, QEMU 7.2 still puts the next compressed cluster of the same process there, over the new data.
"""
import dataclasses
import json
import pathlib
import random
import shlex
import subprocess

K, M, T = 1 << 10, 1 << 20, 1 << 40
SOURCES = ("noise", "text")  # files that writes take their bytes from
MOST_LAYERS = 9
MOST_SNAPSHOTS = 5


class Refused(Exception):
    """QEMU did not make what the generator takes for possible."""


@dataclasses.dataclass
class Snapshot:
    tag: str
    size: int
    id: str = ""


@dataclasses.dataclass
class Layer:
    file: str
    format: str
    size: int
    cluster: int = 4 * K
    version: int = 0
    extended: bool = False
    compression: str = "zlib"
    lazy: bool = False
    snapshots: list = dataclasses.field(default_factory=list)
    tags: int = 0  # that were given, also to snapshots that are gone


def write_sources(directory):
    """Two files of lengths that divide nothing: one no method makes smaller, one all do."""
    numbers = random.Random(0)
    directory = pathlib.Path(directory)
    (directory / "noise").write_bytes(numbers.randbytes(256 * K + 7))
    lines = b"".join(b"%d has %x\n" % (i, i * i) for i in range(9000))
    (directory / "text").write_bytes(lines[: 130 * K + 3])


def up(number, unit):
    return (number + unit - 1) // unit * unit


class Chain:
    """@directory: empty, in one in which write_sources wrote."""

    def __init__(self, directory, seed):
        self.directory = pathlib.Path(directory)
        self.random = random.Random(seed)
        self.layers = []
        self.features = set()
        self.refusals = 0
        self.log = open(self.directory / "commands", "w", encoding="utf-8")
        self.make()
        self.log.close()

    # ---- processes

    def run(self, *words):
        self.log.write(shlex.join(words) + "\n")
        self.log.flush()
        return subprocess.run(
            words, cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def must(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise Refused(f"{shlex.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def chance(self, probability, feature=None):
        """Whether something happens; counts it as a feature of the chain."""
        happens = self.random.random() < probability
        if happens and feature:
            self.features.add(feature)
        return happens

    # ---- choices

    def some_size(self, cluster):
        pick = self.random.random()
        if pick < 0.05 and cluster >= 16 * K:
            self.features.add("1 TiB")
            return T + 512 * self.random.randrange(4 * M)
        if pick < 0.20:
            return 512 * self.random.randint(1, 16)
        if pick < 0.45:
            return 512 * self.random.randint(1, 512)
        most = 10 * M if cluster >= 512 * K else 4 * M
        size = 512 * self.random.randint(1, most // 512)
        return up(size, cluster) if self.chance(0.25) else size

    def some_range(self, size, unit=1):
        """An offset and a length in units of @unit, but up to the very end of the disk."""
        area = self.random.choice((0, 0, size // 2, max(0, size - 3 * max(unit, 64 * K))))
        reach = min(size, area + self.random.choice((64 * K, M, 4 * M)))
        start = min(self.random.randrange(area, max(area + 1, reach)), size - 1) // unit * unit
        longest = self.random.choice((unit, 4 * unit, 3 * K, 70 * K, 600 * K))
        length = up(self.random.randint(1, max(1, longest)), unit)
        return start, min(length, size - start)

    def some_unit(self, layer):
        return self.random.choice((1, 512, 4 * K, layer.cluster, max(512, layer.cluster // 32)))

    def some_bytes(self):
        if self.chance(0.4):
            return f"-P {self.random.randrange(256)}"
        return f"-s ../{self.random.choice(SOURCES)}"

    # ---- commands of qemu-io

    def command_write(self, layer):
        start, length = self.some_range(layer.size, self.some_unit(layer))
        return f"write -q {self.some_bytes()} {start} {length}"

    def command_compressed(self, layer):
        start, length = self.some_range(layer.size, layer.cluster)
        self.features.add(f"compressed, {layer.compression}")
        return f"write -q -c {self.some_bytes()} {start} {length}"

    def command_zero(self, layer):
        start, length = self.some_range(layer.size, self.some_unit(layer))
        unmap = "-u " if self.chance(0.5, "zero clusters, unmapped") else ""
        self.features.add("zero clusters")
        return f"write -q -z {unmap}{start} {length}"

    def command_discard(self, layer):
        start, length = self.some_range(layer.size, self.some_unit(layer))
        self.features.add("discarded")
        return f"discard -q {start} {length}"

    def command_machine_state(self, layer):
        """Behind the end of the disk, where a running machine's snapshot keeps its memory."""
        self.features.add("machine state")
        return f"write -q -b {self.some_bytes()} {self.random.randrange(64 * K)} 70000"

    def command_resize(self, layer):
        if layer.version == 2 and layer.snapshots:
            return self.command_write(layer)
        shrinks = self.chance(0.4) and layer.size > 512
        size = 512 * self.random.randint(1, min(layer.size, 8 * M) // 512) if shrinks else 0
        grow = 512 * self.random.randint(1, self.random.choice((3, 300, 6000)))
        mode = "-m metadata " if not shrinks and self.chance(0.15, "preallocated") else ""
        layer.size = size if shrinks else layer.size + grow
        self.features.add("shrunk" if shrinks else "grown")
        if layer.snapshots:
            self.features.add("resized after a snapshot")
        return f"truncate {mode}{layer.size}"

    def some_command(self, layer):
        kinds = (
            (self.command_write, 40),
            (self.command_compressed, 25),
            (self.command_zero, 15),
            (self.command_discard, 10),
            (self.command_resize, 5),
            (self.command_machine_state, 1),
        )
        (kind,) = self.random.choices([k for k, _ in kinds], [w for _, w in kinds])
        return kind(layer)

    def round(self, layer):
        if layer.format == "raw":
            commands = [self.command_write(layer) for _ in range(self.random.randint(1, 4))]
        else:
            commands = [self.some_command(layer) for _ in range(self.random.randint(1, 9))]
            commands.sort(key=lambda command: "-c" not in command.split())  # see the head
        words = [word for command in commands for word in ("-c", command)]
        done = self.run("qemu-io", "-f", layer.format, *words, layer.file)
        self.refusals += done.stdout.count("failed") + done.stderr.count("qemu-io:")

    # ---- layers

    def options(self, layer):
        options = [f"cluster_size={layer.cluster}", f"compat={'0.10' if layer.version == 2 else '1.1'}"]
        if layer.version == 2:
            return options
        if layer.extended:
            options.append("extended_l2=on")
        if layer.lazy:
            options.append("lazy_refcounts=on")
        elif self.chance(0.15, "other refcounts"):
            options.append(f"refcount_bits={self.random.choice((8, 32, 64))}")
        if layer.compression == "zstd":
            options.append("compression_type=zstd")
        return options

    def some_layer(self, number):
        cluster = 1 << self.random.randint(9, 21)
        version = 2 if self.chance(0.25, "version 2") else 3
        layer = Layer(f"layer{number}.qcow2", "qcow2", 0, cluster, version)
        self.features.add(f"clusters of {cluster if cluster < K else f'{cluster // K}K'}")
        if version == 3:
            self.features.add("version 3")
            layer.extended = cluster >= 16 * K and self.chance(0.4, "extended L2")
            layer.compression = "zstd" if self.chance(0.4) else "zlib"
            layer.lazy = self.chance(0.15, "lazy refcounts")
        layer.size = self.some_size(cluster)
        return layer

    def base_words(self, layer):
        """What makes the present top the backing file of @layer."""
        if not self.layers:
            return []
        base = self.layers[-1]
        if self.chance(0.4):
            layer.size = up(base.size, 512)
        if up(base.size, 512) != layer.size:
            self.features.add("longer base" if base.size > layer.size else "shorter base")
        if base.cluster != layer.cluster:
            self.features.add("mixed clusters in a chain")
        absolute = self.chance(0.1, "absolute base name")
        return ["-b", str(self.directory / base.file) if absolute else base.file, "-F", base.format]

    def create(self, layer):
        base = self.base_words(layer)
        # Raw bases have any size, so a size that was taken from one may ask for a large L1 table.
        if layer.size > T // 2:
            layer.cluster = max(layer.cluster, 16 * K)
        options = self.options(layer)
        if not base and layer.size <= 16 * M and self.chance(0.1, "preallocated"):
            options.append("preallocation=" + self.random.choice(("metadata", "falloc", "full")))
        self.must("qemu-img", "create", "-q", "-f", "qcow2", *base, "-o", ",".join(options),
                  layer.file, str(layer.size))

    def rewrite(self, layer):
        """All of it compressed, by convert."""
        base = self.layers[-1] if self.layers else None
        backing = ["-B", base.file, "-F", base.format] if base else []
        self.features.add(f"convert -c, {layer.compression}")
        self.must("qemu-img", "convert", "-c", "-f", "qcow2", "-O", "qcow2", *backing,
                  "-o", ",".join(self.options(layer)), layer.file, "rewritten")
        self.must("mv", "rewritten", layer.file)

    def snapshot(self, layer):
        layer.tags += 1
        tag = f"tag {layer.tags}"
        image = f"driver=qcow2,file.filename={layer.file}"
        self.must("qemu-img", "snapshot", "-q", "-c", tag, "--image-opts", image)
        layer.snapshots.append(Snapshot(tag, layer.size))
        self.features.add("internal snapshots")
        if len(layer.snapshots) < 3 or not self.chance(0.2):
            return
        gone = layer.snapshots[0]
        if gone.size == layer.size and self.chance(0.5, "snapshot applied"):
            self.must("qemu-img", "snapshot", "-q", "-a", gone.tag, "--image-opts", image)
        self.features.add("snapshot deleted")
        self.must("qemu-img", "snapshot", "-q", "-d", gone.tag, "--image-opts", image)
        layer.snapshots.remove(gone)

    def grow_layer(self, layer, most):
        """Rounds of commands, each perhaps followed by a snapshot, of which there are at most @most."""
        for number in range(self.random.randint(1, max(2, most + 1))):
            self.round(layer)
            if number == 0 and self.chance(0.1):
                self.rewrite(layer)
            if len(layer.snapshots) < most and self.chance(0.8):
                self.snapshot(layer)

    def end_layer(self, layer):
        """Sometimes as a killed QEMU leaves it."""
        if layer.snapshots:
            listed = json.loads(
                self.must("qemu-img", "info", "--output=json", "-f", "qcow2", layer.file)
            )["snapshots"]
            ids = {one["name"]: one["id"] for one in listed}
            for snapshot in layer.snapshots:
                snapshot.id = ids[snapshot.tag]
        if layer.lazy and self.chance(0.3, "dirty"):
            command = self.command_write(layer)
            self.run("qemu-io", "-f", "qcow2", "-c", command, "-c", "sigraise 9", layer.file)

    def raw_layer(self):
        odd = self.chance(0.4, "raw of an odd size")
        layer = Layer("layer0.raw", "raw", self.random.randint(1, 3 * M) if odd else 0)
        layer.size = layer.size or 512 * self.random.randint(1, 6000)
        self.features.add("raw base")
        self.must("truncate", "-s", str(layer.size), layer.file)
        self.round(layer)
        return layer

    def make(self):
        levels = self.random.choices(range(1, MOST_LAYERS + 1), (30, 22, 14, 9, 7, 6, 5, 4, 3))[0]
        self.features.add(f"backing levels: {levels - 1}")
        if self.chance(0.12 if levels > 1 else 0.03):
            self.layers.append(self.raw_layer())
        for number in range(len(self.layers), levels):
            layer = self.some_layer(number)
            self.create(layer)
            is_top = number == levels - 1
            most = self.random.choices(range(MOST_SNAPSHOTS + 1), (50, 18, 12, 8, 6, 6))[0]
            self.grow_layer(layer, most if is_top or self.chance(0.2) else 0)
            self.end_layer(layer)
            self.layers.append(layer)
        most = max(len(layer.snapshots) for layer in self.layers)
        self.features.add(f"most snapshots in an image: {most}")
