"""Stores to try things on: how they are made, and what their files say, read without the backend.

A place is a directory with a store in it. A domain with one disk is an image by itself, one with
more is a directory with a domain.xml; so is one whose disks are not snapshotted by overlays. Disks with
the method exec have their copies below the store, and a hook of their own beside it; those with the
method lvm are volumes (make_volume).
"""
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import time

MIB = 1 << 20
UNFINISHED = re.compile(r".*\.(new|t|part)|journal|folding|streaming")
COPIES = "copies"  # what the hook keeps, below the store
EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "tools" / "hook" / "plain-copies"
FROZEN = re.compile(r"\.vmsnapfs-(.*)\.(qcow2|raw)")

# What disks are: the format and the method of one after the other, round and round. Those in CLONED
# need a file system that clones files (tests/on-reflinks), and lvm a group of volumes (make_volume).
DISKS = {
    "qemu": [("qcow2", None)],
    "raw": [("raw", None)],
    "clones": [("qcow2", "reflink")],
    "mixed": [("raw", None), ("qcow2", None), ("qcow2", "btrfs")],
    "exec": [("raw", "exec")],
    "lvm": [("raw", "lvm")],
    "exec-qcow2": [("qcow2", "exec")],
    "exec-mixed": [("raw", "exec"), ("qcow2", None), ("qcow2", "exec")],
}
CLONED = ["raw", "clones", "mixed"]


def take_either(disks):
    """Whether disks of this kind can be snapshotted by either method."""
    return disks == "clones"


class Failed(Exception):
    """Something does not hold that must."""


def run(*words):
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def uuid_of(domain):
    return f"5ed0c8a1-0000-4000-8000-{hashlib.sha256(domain.encode()).hexdigest()[:12]}"


def kinds_of(targets, disks):
    """target -> (format, method), of disks of this kind."""
    kinds = DISKS[disks]
    return {target: kinds[number % len(kinds)] for number, target in enumerate(targets)}


def methods_of(targets, disks):
    """target -> how such a disk is snapshotted when nothing is said."""
    return {target: method if method in ("exec", "lvm") else "btrfs" if form == "raw" or method else "qemu"
            for target, (form, method) in kinds_of(targets, disks).items()}


def make_volume(name, size):
    """A path of it, in the group of tests/on-fake-lvm or tests/guest/on-lvm; thin where $THIN_POOL names its pool."""
    group, pool = pathlib.Path(os.environ["CONTRACT_VOLUMES"]), os.environ.get("THIN_POOL")
    form = ["--virtualsize", f"{size}b", "--thinpool", f"{group.name}/{pool}"] if pool else \
        ["--size", f"{size}b", group.name]
    run("lvcreate", "--yes", "--name", name, *form)
    return group / name


def describe(domain, kinds, paths):
    """@paths: target -> path of the disk."""
    def source(path):
        return f"dev='{path}'" if path.is_block_device() else f"file='{path.name}'"
    disks = "".join(
        f"<disk type='{'block' if paths[target].is_block_device() else 'file'}' device='disk'>"
        f"<driver name='qemu' type='{form}'/><source {source(paths[target])}/><target dev='{target}' bus='virtio'/>"
        + (f"<diskSnapshot method='{method}'/>" if method else "") + "</disk>"
        for target, (form, method) in kinds.items()
    )
    return (
        f"<domain type='kvm'><name>{domain}</name><uuid>{uuid_of(domain)}</uuid>"
        f"<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os>"
        f"<devices>{disks}</devices></domain>\n"
    )


def uuid_in(name):
    """Of a frozen image; None: it is none."""
    frozen = FROZEN.fullmatch(name)
    return frozen.group(1) if frozen else None


class Image:
    """What the header of a qcow2 says."""

    def __init__(self, path):
        with open(path, "rb") as file:
            head = file.read(104)
            magic, _, offset, length = struct.unpack_from(">IIQI", head)
            if magic != 0x514649FB:
                raise Failed(f"{path} is not a qcow2")
            self.size, self.snapshots = struct.unpack_from(">Q", head, 24)[0], \
                struct.unpack_from(">I", head, 60)[0]
            file.seek(offset)
            self.backing = file.read(length).decode() if offset else None


class Raw:
    """Bytes and nothing else."""

    def __init__(self, path):
        self.size = path.stat().st_size
        self.snapshots = 0
        self.backing = None


class Place:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.disks = {}  # domain -> target -> path of the active image
        self.hook = None  # the program for disks with the method exec

    # ---- making

    def add(self, domain, targets, size=MIB, cluster=65536, disks="qemu"):
        described = len(targets) > 1 or disks != "qemu"
        kinds = kinds_of(targets, disks)
        directory = self.path / domain if described else self.path
        directory.mkdir(parents=True, exist_ok=True)
        self.disks[domain] = {}
        for target, (form, method) in kinds.items():
            if method == "lvm":
                self.disks[domain][target] = make_volume(f"{domain}-{target}-{os.urandom(4).hex()}", size)
                continue
            name = f"{target}.{form}" if described else f"{domain}.qcow2"
            options = ["-o", f"cluster_size={cluster}"] if form == "qcow2" else []
            run("qemu-img", "create", "-q", "-f", form, *options, directory / name, size)
            self.disks[domain][target] = directory / name
        if described:
            (directory / "domain.xml").write_text(describe(domain, kinds, self.disks[domain]))
        if any(method == "exec" for _, method in kinds.values()):
            self.make_hook()
        return self

    def make_hook(self):
        """The example, for copies below this store; no program below it may be a hook."""
        copies = self.path / COPIES
        copies.mkdir(exist_ok=True)
        text = re.sub("^directory=.*", f"directory={copies}", EXAMPLE.read_text(), flags=re.M)
        self.hook = self.path.with_name(self.path.name + ".hook")
        self.hook.write_text(text)
        self.hook.chmod(0o755)

    def copy_to(self, path):
        """The same place elsewhere; the copy has the times of the original."""
        run("cp", "-a", "--sparse=always", self.path, path)
        copy = Place(path)
        for domain, disks in self.disks.items():
            copy.disks[domain] = {
                target: copy.path / file.relative_to(self.path) for target, file in disks.items()
            }
        if self.hook:
            copy.make_hook()
        return copy

    def write(self, domain, target, pieces):
        """As a machine would: @pieces are (offset, length, byte). It may have to wait for a
        folding that has the image locked."""
        image = self.disks[domain][target]
        words = ["qemu-io", "-f", image.suffix[1:]]
        for offset, length, byte in pieces:
            words += ["-c", f"write -q -P {byte} {offset} {length}"]
        end = time.monotonic() + 30
        while True:
            done = subprocess.run([*words, image], capture_output=True, text=True, check=False)
            said = done.stdout + done.stderr
            if done.returncode == 0 and not said:
                return
            if time.monotonic() > end or not re.search("Failed to|No such file", said):
                raise Failed(f"a machine cannot write to {image}: {said.strip()}")
            time.sleep(0.01)

    # ---- looking

    def files(self):
        return sorted(
            pathlib.Path(directory) / name
            for directory, _, names in os.walk(self.path) for name in names
        )

    def records(self, pattern="s-*"):
        """What the records say, of all domains."""
        for file in self.path.glob(f".vmsnapfs/*/{pattern}"):
            yield json.loads(file.read_text().split("\n", 1)[1])

    def named(self):
        """The uuids of the images of all snapshots, and of those that are kept though forgotten."""
        images = [image for record in self.records() for image in record["disks"]]
        images += [image for head in self.records("head") for image in head.get("kept", [])]
        return {image["image"] for image in images}

    def unnamed(self):
        return {image["image"] for head in self.records("head") for image in head["unnamed"]}

    def images(self):
        """path -> Image or Raw, of all."""
        kinds = {".qcow2": Image, ".raw": Raw}
        return {file: kinds[file.suffix](file) for file in self.files() if file.suffix in kinds}

    def copies(self):
        """The uuids of those that the hook keeps."""
        return {file.name for file in self.files() if file.parent.name == COPIES}

    def untidy(self):
        """The unnamed images that nobody needs, and those that are gone and still listed. One that
        several images are based on stays, and so does one that holds snapshots itself or whose
        reader does."""
        images, readers = self.images(), {}
        for path, image in images.items():
            if image.backing:
                readers.setdefault(path.parent / image.backing, []).append(image)
        nameless = self.unnamed() - self.named()
        listed_still = nameless - {uuid_in(path.name) for path in images}
        return [f"the list of {uuid}" for uuid in listed_still] + [
            path.name for path, image in images.items()
            if uuid_in(path.name) in nameless and image.snapshots == 0
            and len(readers.get(path, [])) <= 1
            and all(reader.snapshots == 0 for reader in readers.get(path, []))
        ]

    def settle(self, patience=20):
        """Waits until there is nothing to tidy."""
        end = time.monotonic() + patience
        while True:
            try:
                left = self.untidy() + self.unfinished()
            except (OSError, Failed, ValueError, struct.error) as changed:
                left = [f"in motion: {changed}"]
            if not left:
                return
            if time.monotonic() > end:
                raise Failed(f"no name needs it, and it stays: {', '.join(left)}")
            time.sleep(0.005)

    # ---- judging

    def unfinished(self):
        return [file.name for file in self.files() if UNFINISHED.fullmatch(file.name)]

    def check(self):
        """Of a store that nobody has open: no file is there that nothing leads to, none is missing,
        and vmsnap, and QEMU that it asks, find all in order."""
        problems = [f"{name} is left over" for name in self.unfinished()]
        images = self.images()
        known = self.named() | self.unnamed()
        problems += [f"nothing leads to the copy {uuid}" for uuid in self.copies() - known]
        problems += [f"nothing leads to {path.name}" for path in images
                     if uuid_in(path.name) and uuid_in(path.name) not in known]
        there = {uuid_in(path.name) for path in images} | self.copies()
        problems += [f"the image {uuid} is missing" for uuid in sorted(known - there)]
        if problems:
            raise Failed("; ".join(problems))
        hook = ["--hook", self.hook] if self.hook else []
        run(os.environ["VMSNAP"], "check", *hook, self.path)
