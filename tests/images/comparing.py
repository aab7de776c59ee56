"""Compares what our reader and QEMU say of a chain: bytes, sizes and holes.

QEMU's bytes are those of `qemu-img convert`. It reads a snapshot as large as the disk is now, so one
of another size is first applied to a copy of the image. QEMU's holes are those of `qemu-img map`,
which knows no snapshots: there too a copy has the snapshot applied.
"""
import json
import os
import shlex
import shutil
import subprocess

PATIENCE = 120  # seconds for one process
WHOLE = 64 << 20  # disks up to here are written by vmsnap


class Failed(Exception):
    """The two differ, or ours does not read the image."""


class QemuFailed(Failed):
    """QEMU does not read the image: some that it wrote it has damaged itself."""


class Disk:
    """A disk to compare: what is in @layer now, or at @snapshot inside it."""

    def __init__(self, number, layer, snapshot=None):
        self.layer = layer
        self.snapshot = snapshot
        self.reference = f"reference{number}"
        self.data = None  # ranges that QEMU takes for data; None: it was not asked
        self.full = None  # those of them that QEMU does not know to be zeros

    def __str__(self):
        return self.layer.file + (f"@{self.snapshot.id}" if self.snapshot else "")


class Comparison:
    """@reader: the program read-all; @vmsnap: the program, or None."""

    def __init__(self, chain, reader, vmsnap, random):
        self.chain = chain
        self.reader = str(reader)
        self.vmsnap = vmsnap and str(vmsnap)
        self.random = random
        self.finer = 0  # disks in which we know of more holes

    def run(self, *words, stdout=subprocess.PIPE, **more):
        command = shlex.join(words)
        try:
            done = subprocess.run(words, cwd=self.chain.directory, stdout=stdout,
                                  stderr=subprocess.PIPE, timeout=PATIENCE, **more)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"{command}: does not end") from late
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            failed = QemuFailed if words[0] == "qemu-img" else Failed
            raise failed(f"{command}: {said} (status {done.returncode})")
        return done.stdout

    # ---- QEMU's side

    def applied_copy(self, disk):
        """Relative names of backing files are right in it, because it is in the same directory. None
        when QEMU cannot: it does not enlarge an image of version 2 that has a backing file."""
        shutil.copyfile(self.chain.directory / disk.layer.file, self.chain.directory / "applied")
        try:
            self.run("qemu-img", "snapshot", "-q", "-a", disk.snapshot.tag,
                     "--image-opts", "driver=qcow2,file.filename=applied")
        except Failed as failure:
            if "Failed to zero out new clusters" in str(failure):
                return None
            raise
        return "applied"

    def ask_map(self, disk, image):
        output = self.run("qemu-img", "map", "--output=json", "-f", disk.layer.format, image)
        data = [one for one in json.loads(output) if one["data"]]
        disk.data = merged((one["start"], one["start"] + one["length"]) for one in data)
        disk.full = merged(
            (one["start"], one["start"] + one["length"]) for one in data if not one["zero"]
        )

    def convert(self, disk):
        """False when QEMU cannot say what the disk holds."""
        image, at = disk.layer.file, []
        if disk.snapshot and disk.snapshot.size == disk.layer.size and self.random.random() < 0.8:
            at = ["-l", f"snapshot.id={disk.snapshot.id}"]
        elif disk.snapshot:
            image = self.applied_copy(disk)
        if image is None:
            return False
        self.run("qemu-img", "convert", "-f", disk.layer.format, "-O", "raw", *at, image,
                 disk.reference)
        if not at:
            self.ask_map(disk, image)
        return True

    def disks(self):
        """The top as it is, a lower layer sometimes, and every snapshot in every layer."""
        layers = self.chain.layers
        found = [Disk(0, layers[-1])]
        if len(layers) > 1 and self.random.random() < 0.2:
            found.append(Disk(1, self.random.choice(layers[:-1])))
        for layer in layers:
            for snapshot in layer.snapshots:
                found.append(Disk(len(found), layer, snapshot))
        return found

    # ---- ours

    def read_all(self, disks):
        lines = "".join(
            f"{disk.layer.format}\t{disk.layer.file}\t"
            f"{disk.snapshot.id if disk.snapshot else ''}\t{disk.reference}\n" for disk in disks
        )
        seed = str(self.random.randrange(1 << 32))
        output = self.run(self.reader, str(self.chain.directory), seed, input=lines.encode())
        answers = [json.loads(line) for line in output.splitlines()]
        if len(answers) != len(disks):
            raise Failed(f"read-all read {len(answers)} disks of {len(disks)}")
        return answers

    def compare(self, disk, answer):
        if answer["problem"]:
            raise Failed(f"{disk}: {answer['problem']}")
        if disk.data is not None:
            self.compare_holes(disk, answer)

    def compare_holes(self, disk, answer):
        """QEMU looks for holes in the file of a qcow2 image only when it is sure that metadata was
        preallocated. Where a file has holes, ours may be more; that they read as zeros was seen by
        read-all."""
        ours = merged((start, start + length) for start, length, data in answer["extents"] if data)
        more, less = minus(ours, disk.data), minus(disk.full, ours)
        if more:
            raise Failed(f"{disk}: data for us and not for QEMU: {more}")
        if less and not any(self.has_holes(layer) for layer in self.chain.layers):
            raise Failed(f"{disk}: data for QEMU and not for us: {less}")
        self.finer += bool(less)

    def has_holes(self, layer):
        """So many that a layer could pass for one with preallocated metadata."""
        status = os.stat(self.chain.directory / layer.file)
        return layer.format == "qcow2" and status.st_size - 512 * status.st_blocks >= layer.cluster

    def compare_tool(self, disk, answer):
        """vmsnap says the same, and makes the same file."""
        words = ["-f", disk.layer.format, str(disk)]
        told = json.loads(self.run(self.vmsnap, "map", "--json", *words))
        extents = [[one["start"], one["length"], one["data"]] for one in told]
        if extents != answer["extents"]:
            raise Failed(f"{disk}: vmsnap map says {extents}")
        if answer["size"] > WHOLE:
            return
        with open(self.chain.directory / "cat", "wb") as file:
            self.run(self.vmsnap, "cat", *words, stdout=file)
        ours = (self.chain.directory / "cat").read_bytes()
        if ours != (self.chain.directory / disk.reference).read_bytes():
            raise Failed(f"{disk}: vmsnap cat writes other bytes")

    def check(self):
        """How many disks are equal; Failed when one is not."""
        disks = [disk for disk in self.disks() if self.convert(disk)]
        answers = self.read_all(disks)
        for disk, answer in zip(disks, answers):
            self.compare(disk, answer)
        if self.vmsnap:
            self.compare_tool(disks[-1], answers[-1])
        return len(disks)


def merged(ranges):
    """Of (start, end), in order: neighbours made one."""
    result = []
    for start, end in ranges:
        if result and result[-1][1] == start:
            result[-1][1] = end
        else:
            result.append([start, end])
    return result


def minus(first, second):
    """What is in the ranges @first and not in @second, both in order."""
    result, later = [], list(reversed(second))
    for start, end in first:
        while later and later[-1][1] <= start:
            later.pop()
        index = len(later) - 1
        while start < end and index >= 0 and later[index][0] < end:
            if start < later[index][0]:
                result.append([start, later[index][0]])
            start = later[index][1]
            index -= 1
        if start < end:
            result.append([start, end])
    return result
