"""Where hostile images are, and what is expected of each.

A case is either refused when it is opened, with a sentence, or opened; then `fails` are the ranges
of the disk that cannot be read, and `reads` ranges with what they hold.
"""
import dataclasses
import pathlib

from qcow2 import Image, deflate


@dataclasses.dataclass
class Case:
    name: str
    says: str = ""  # a pattern that the complaint matches: at opening, or at reading `fails`
    snapshot: str = ""
    file: str = ""
    opens: bool = False
    special: bool = False  # it is no image at all, so a mount need not show it
    reads: list = dataclasses.field(default_factory=list)  # of (offset, bytes)
    fails: list = dataclasses.field(default_factory=list)  # of (offset, length)


class Place:
    """The store, and a directory beside it that nobody may look into."""

    def __init__(self, work):
        self.store = pathlib.Path(work, "store")
        self.outside = pathlib.Path(work, "outside")
        self.parts = self.store / "parts"
        for directory in (self.outside, self.parts):
            directory.mkdir(parents=True)
        (self.outside / "secret").write_bytes(b"secret" * 1024)
        (self.parts / "sound").write_bytes(b"r" * 32768)
        self.cases = []
        self.sound = pathlib.Path(work, "sound")
        self.sound.mkdir()
        image = Image()
        image.compress(3, deflate(image.disk[3]))
        image.write(self.sound / "sound.qcow2")
        Image().on(b"missing").write(self.sound / "lost.qcow2")
        self.sound_case = Case("sound", file=str(self.sound / "sound.qcow2"), opens=True)
        self.sound_case.reads = [(0, b"".join(image.disk))]

    def file(self, name):
        return self.store / f"{len(self.cases):03}-{name.replace(' ', '-').replace('/', '-')}.qcow2"

    def refused(self, name, says, image, snapshot=""):
        file = self.file(name)
        image.write(file)
        self.cases.append(Case(name, says, snapshot, str(file)))

    def opened(self, name, image, says="", bad=(), reads=None, snapshot=""):
        """`bad`: which clusters of the disk fail. `reads`: instead of what Image says."""
        file, size = self.file(name), image.cluster
        image.write(file)
        if reads is None:
            reads = [(i * size, data) for i, data in enumerate(image.disk) if i not in bad]
        fails = [(i * size, size) for i in bad]
        self.cases.append(
            Case(name, says, snapshot, str(file), opens=True, reads=reads, fails=fails)
        )
