"""What a domain with snapshots is, by design.md sections 2 and 3: names that mean bytes.

Nothing here knows of images, files or records, and nothing comes from backend/. Each operation
gives a Verdict: the error codes that it may be refused with (several where more than one reason
holds), and the domain as it is afterwards. No codes: it must succeed. No domain: it must fail. A
domain is never changed; the next one is another.
"""
import dataclasses
import hashlib
import itertools
import typing

numbers = itertools.count()
NOTHING = frozenset()


class Bytes:
    """A disk's; never changed."""

    def __init__(self, data):
        self.data = bytes(data)
        self.sum = hashlib.sha256(self.data).hexdigest()

    def written(self, pieces):
        data = bytearray(self.data)
        for offset, length, byte in pieces:
            data[offset:offset + length] = bytes([byte]) * length
        return Bytes(data)


class Frozen(typing.NamedTuple):
    """Of a disk's bytes, only who is read through whom."""

    number: int
    through: frozenset  # numbers of those that it is read through
    chained: bool  # the disk went on from it, and does when it is brought back


@dataclasses.dataclass(frozen=True)
class Snapshot:
    parent: typing.Optional[str]
    disks: typing.Optional[dict]  # target -> Bytes; None: a record without data
    frozen: dict = dataclasses.field(default_factory=dict)  # target -> Frozen; of one inside: none
    description: str = ""
    held: bool = False
    inside: bool = False  # an image, without a record
    dated: bool = False  # it has the time of the documents that moves.py makes


@dataclasses.dataclass(frozen=True)
class Beside:
    """A snapshot of one disk."""

    bytes: Bytes
    frozen: Frozen
    held: bool = False


class Verdict(typing.NamedTuple):
    codes: frozenset
    after: typing.Optional["Domain"]


def refused(*codes):
    return Verdict(frozenset(codes), None)


@dataclasses.dataclass(frozen=True)
class Domain:
    disks: dict  # target -> Bytes: as they are now
    snapshots: dict  # name -> Snapshot
    current: typing.Optional[str] = None
    template: bool = False  # the live image is still the one that holds the inside snapshots
    clones: bool = False  # a disk is snapshotted by clones, which are never compressed
    either: bool = False  # each disk can be snapshotted by either method
    methods: dict = dataclasses.field(default_factory=dict)  # target -> the usual one; else qemu
    beside: dict = dataclasses.field(default_factory=dict)  # (target, name) -> Beside
    through: dict = dataclasses.field(default_factory=dict)  # target -> what the disk is read through
    nameless: frozenset = NOTHING  # what is read through by those that are kept without a name

    # ---- who is read through whom

    def freeze(self, methods):
        """What the disks of @methods (target -> method) are then, and what they are read through."""
        frozen = {target: Frozen(next(numbers), self.through.get(target, NOTHING), method == "qemu")
                  for target, method in methods.items()}
        on = {target: one.through | {one.number} for target, one in frozen.items() if one.chained}
        return frozen, {**self.through, **on}

    def usual(self, method=None):
        return {target: method or self.methods.get(target, "qemu") for target in self.disks}

    def kept(self, frozen):
        return self.nameless.union(*(one.through for one in frozen.values()))

    def reads(self, number):
        """Whether a disk or whatever has a name is read through it."""
        named = [one for snapshot in self.snapshots.values() for one in snapshot.frozen.values()]
        named += [one.frozen for one in self.beside.values()]
        sets = [self.nameless, *self.through.values(), *(one.through for one in named)]
        return any(number in one for one in sets)

    # ---- the tree

    def children(self, name):
        return [other for other, one in self.snapshots.items() if one.parent == name]

    def below(self, name):
        """All descendants."""
        found = []
        for child in self.children(name):
            found += [child, *self.below(child)]
        return found

    def change(self, **changes):
        return dataclasses.replace(self, **changes)

    def succeeds(self, **changes):
        return Verdict(frozenset(), self.change(**changes))

    def changed(self, name, **changes):
        return {**self.snapshots, name: dataclasses.replace(self.snapshots[name], **changes)}

    def do(self, verb, *words, **options):
        return getattr(self, verb.replace("-", "_"))(*words, **options)

    def written(self, target, pieces):
        return self.change(disks={**self.disks, target: self.disks[target].written(pieces)})

    # ---- taking

    def create(self, name, description="", under=None, parent=None, source=None,
               no_metadata=False, compress=None, method=None):
        """@under: the name that must be current, "" for none; @source: the one to copy.
        @compress and @method (not together, and only where there are two) change no byte."""
        codes = set()
        if name in self.snapshots:
            codes.add("EXISTS")
        if under is not None and under != (self.current or ""):
            codes.add("NOT_CURRENT")
        if any(other is not None and other not in self.snapshots for other in (parent, source)):
            codes.add("INVALID")
        if (parent and source) or (no_metadata and (parent or source)):
            codes.add("INVALID")
        if source in self.snapshots and self.snapshots[source].disks is None:
            codes |= {"UNSUPPORTED", "INVALID"}
        if source in self.snapshots and self.snapshots[source].inside:
            codes |= {"UNSUPPORTED"}
        if compress and self.template and any(one.inside for one in self.snapshots.values()):
            codes.add("UNSUPPORTED")  # a compressed copy would lose what is inside
        if compress and self.clones:
            codes |= {"UNSUPPORTED", "INVALID"} if source else {"UNSUPPORTED"}
        if codes:
            return refused(*codes)
        if source:
            origin = self.snapshots[source]
            copy = Snapshot(source, origin.disks, origin.frozen, description)
            return self.succeeds(snapshots={**self.snapshots, name: copy})
        frozen, through = self.freeze(self.usual(method))
        if no_metadata:
            return self.succeeds(template=False, through=through, nameless=self.kept(frozen))
        new = Snapshot(parent or self.current, self.disks, frozen, description)
        return self.succeeds(snapshots={**self.snapshots, name: new}, current=name, template=False,
                             through=through)

    def redefine(self, name, parent=None, description="", current=False, careful=False):
        old = self.snapshots.get(name)
        if old and old.inside:
            return refused("UNSUPPORTED", "INVALID")
        if parent is not None and (
            parent not in self.snapshots or parent == name or parent in self.below(name)
        ):
            return refused("INVALID")
        if careful and old and old.disks is not None and not (old.dated and old.parent == parent):
            return refused("INVALID")  # it would get another time, or parent
        snapshots = {
            **self.snapshots,
            name: Snapshot(parent, old.disks if old else None, old.frozen if old else {}, description,
                           bool(old and old.held), dated=True),
        }
        return self.succeeds(snapshots=snapshots, current=name if current else self.current)

    # ---- of one disk: beside the tree, which knows nothing of them

    def create_disk(self, target, name, compress=None, method=None):
        method, codes = method or self.methods.get(target, "qemu"), set()
        inside = self.template and any(one.inside for one in self.snapshots.values())
        if (target, name) in self.beside:
            codes.add("EXISTS")
        if compress and (inside or method != "qemu"):
            codes.add("UNSUPPORTED")
        if codes:
            return refused(*codes)
        frozen, through = self.freeze({target: method})
        new = Beside(self.disks[target], frozen[target])
        return self.succeeds(beside={**self.beside, (target, name): new}, through=through,
                             template=self.template and method != "qemu")

    def leave_disk(self, target, name, *codes):
        if (target, name) not in self.beside:
            return refused("NOT_FOUND")
        codes = {*codes, *({"BUSY"} if self.beside[target, name].held else ())}
        rest = {key: one for key, one in self.beside.items() if key != (target, name)}
        return refused(*codes) if codes else self.succeeds(beside=rest)

    def discard_disk(self, target, name):
        return self.leave_disk(target, name)

    def merge_disk(self, target, name):
        """What it holds goes to whatever is read through it, so something must be."""
        one = self.beside.get((target, name))
        if one and not one.frozen.chained:
            return self.leave_disk(target, name, "UNSUPPORTED")
        lost = one and not self.reads(one.frozen.number)
        return self.leave_disk(target, name, *(["INVALID"] if lost else []))

    def hold_disk(self, target, name, held):
        if (target, name) not in self.beside:
            return refused("NOT_FOUND")
        one = dataclasses.replace(self.beside[target, name], held=held)
        return self.succeeds(beside={**self.beside, (target, name): one})

    def rename_disk(self, target, name, new):
        if (target, name) not in self.beside:
            return refused("NOT_FOUND")
        if name != new and (target, new) in self.beside:
            return refused("EXISTS")
        return self.succeeds(beside={(target, new) if key == (target, name) else key: one
                                     for key, one in self.beside.items()})

    # ---- going back

    def revert(self, name, save=None):
        if name not in self.snapshots:
            return refused("NOT_FOUND")
        target, codes = self.snapshots[name], set()
        if save is not None and save in self.snapshots:
            codes.add("EXISTS")
        if target.disks is None:
            codes |= {"UNSUPPORTED", "INVALID"}
        if codes:
            return refused(*codes)
        snapshots = self.snapshots
        if save is not None:
            saved = Snapshot(self.current, self.disks, self.freeze(self.usual())[0])
            snapshots = {**snapshots, save: saved}
        through = {disk: one.through | ({one.number} if one.chained else NOTHING)
                   for disk, one in target.frozen.items()}
        return self.succeeds(disks=target.disks, snapshots=snapshots, current=name, template=False,
                             through=through)

    def make_current(self, name=None):
        if name is not None and name not in self.snapshots:
            return refused("NOT_FOUND")
        return self.succeeds(current=name)

    # ---- going away

    def without(self, gone, heir):
        """Nothing that is held may be in @gone; @heir is current when what was is gone."""
        held = [name for name in gone if self.snapshots[name].held]
        inside = [name for name in gone if self.snapshots[name].inside]
        if inside:
            return refused("UNSUPPORTED", "BUSY")
        if held:
            return refused("BUSY")
        rest = {name: one for name, one in self.snapshots.items() if name not in gone}
        return self.succeeds(snapshots=rest,
                             current=heir if self.current in gone else self.current)

    def moved(self, name, parent):
        """With the children of @name under @parent."""
        moved = {child: dataclasses.replace(self.snapshots[child], parent=parent)
                 for child in self.children(name)}
        return self.change(snapshots={**self.snapshots, **moved})

    def discard(self, name, mode="one"):
        if name not in self.snapshots:
            return refused("NOT_FOUND")
        one = self.snapshots[name]
        if one.inside and mode != "children-only":
            return self.discard_inside(name, mode)
        if mode == "one" and self.children(name):
            return refused("NOT_EMPTY", *self.busy([name]))
        if mode == "metadata-only":
            rest = self.change(nameless=self.kept(one.frozen))
            return rest.moved(name, one.parent).without([name], one.parent)
        if mode == "keep-children":
            return self.moved(name, one.parent).without([name], one.parent)
        if mode == "children-only":
            return self.without(self.below(name), name)
        return self.without([*self.below(name), name], one.parent)

    def discard_inside(self, name, mode):
        """It may go as long as its image is the live one, which no other is based on."""
        if mode != "one":
            return refused("UNSUPPORTED", "BUSY")
        if self.children(name):
            return refused("NOT_EMPTY")
        if not self.template:
            return refused("BUSY", "UNSUPPORTED")
        return self.without_inside(name)

    def without_inside(self, name):
        rest = {other: one for other, one in self.snapshots.items() if other != name}
        return self.succeeds(snapshots=rest,
                             current=None if self.current == name else self.current)

    def merge(self, name, into, force=False):
        if name not in self.snapshots:
            return refused("NOT_FOUND")
        one = self.snapshots[name]
        if one.inside:
            return refused("UNSUPPORTED", "INVALID", "BUSY")
        if into == "children":
            return self.merge_into_children(name)
        if one.parent is None:
            return self.merge_into_base(name)
        return self.merge_into_parent(name, force)

    def takers(self, name):
        """The children that what it holds can go to: not those without data, if it has any."""
        return [child for child in self.children(name)
                if self.snapshots[name].disks is None or self.snapshots[child].disks is not None]

    def merge_into_children(self, name):
        if not self.takers(name):
            return refused("INVALID", *self.busy([name]))
        return self.discard(name, "keep-children")

    def merge_into_base(self, name):
        if not self.takers(name) and self.current != name:
            return refused("INVALID", *self.busy([name]))
        return self.moved(name, None).without([name], None)

    def merge_into_parent(self, name, force):
        one = self.snapshots[name]
        parent = self.snapshots[one.parent]
        siblings = [other for other in self.children(one.parent) if other != name]
        codes = set()
        if one.disks is None:
            codes.add("INVALID")
        if parent.inside:
            codes |= {"UNSUPPORTED", "BUSY"}
        if siblings and not force:
            codes.add("NOT_EMPTY")
        if parent.held:
            codes.add("BUSY")
        if codes:
            return refused(*codes, *self.busy([name, *siblings]))
        branches = [gone for sibling in siblings for gone in [*self.below(sibling), sibling]]
        verdict = self.moved(name, one.parent).without([name, *branches], one.parent)
        if verdict.after is None:
            return verdict
        return Verdict(verdict.codes, verdict.after.change(
            snapshots=verdict.after.changed(one.parent, disks=one.disks, frozen=one.frozen)))

    def busy(self, names):
        return {"BUSY" for name in names if self.snapshots[name].held}

    # ---- what one record says

    def edit(self, name, **changes):
        if name not in self.snapshots:
            return refused("NOT_FOUND")
        if self.snapshots[name].inside:
            return refused("UNSUPPORTED")
        return self.succeeds(snapshots=self.changed(name, **changes))

    def hold(self, name, held):
        return self.edit(name, held=held)

    def describe(self, name, text):
        return self.edit(name, description=text)

    def rename(self, name, new):
        if name in self.snapshots and self.snapshots[name].inside:
            return refused("UNSUPPORTED", "EXISTS")
        if name not in self.snapshots:
            return refused("NOT_FOUND")
        if name == new:
            return self.succeeds()
        if new in self.snapshots:
            return refused("EXISTS")
        renamed = {new if other == name else other: one for other, one in self.snapshots.items()}
        snapshots = {
            other: dataclasses.replace(one, parent=new) if one.parent == name else one
            for other, one in renamed.items()
        }
        return self.succeeds(snapshots=snapshots,
                             current=new if self.current == name else self.current)


# ---- comparing

def shown(disks):
    return {target: [len(one.data), one.sum] for target, one in disks.items()}


def differences(domain, dump):
    """How what the driver shows (a dump, or a tree without bytes) differs from @domain."""
    found = []

    def compare(what, expected, actual):
        if expected != actual:
            found.append(f"{what} is {actual!r} and not {expected!r}")

    compare("the current snapshot", domain.current, dump["current"])
    compare("the domain's problem", None, dump["problem"])
    actual = {one["name"]: one for one in dump["snapshots"]}
    compare("the number of snapshots", len(dump["snapshots"]), len(actual))
    compare("the set of snapshots", sorted(domain.snapshots), sorted(actual))
    for name, one in domain.snapshots.items():
        if name in actual:
            compare_snapshot(compare, name, one, actual[name])
    compare_beside(compare, domain, dump["beside"])
    if "live" in dump:
        compare("the live disk", shown(domain.disks), dump["live"])
    return found


def compare_beside(compare, domain, beside):
    actual = {(one["disk"], one["name"]): one for one in beside}
    compare("the number of snapshots of one disk", len(beside), len(actual))
    compare("their set", sorted(domain.beside), sorted(actual))
    for (target, name), one in domain.beside.items():
        found = actual.get((target, name))
        if not found:
            continue
        compare(f"whether {target}/{name} is held", one.held, found["held"])
        compare(f"{target}/{name}'s problem", None, found["problem"])
        if "disks" in found:
            compare(f"the disk of {target}/{name}", shown({target: one.bytes}), found["disks"])


def compare_snapshot(compare, name, one, actual):
    compare(f"the parent of {name}", one.parent, actual["parent"])
    compare(f"the description of {name}", one.description, actual["description"] or "")
    compare(f"{name}'s problem", None, actual["problem"])
    compare(f"whether {name} is held", one.held, actual["held"])
    compare(f"whether {name} has no data", one.disks is None, actual["no_data"])
    if "disks" in actual and one.disks is not None:
        compare(f"the disks of {name}", shown(one.disks), actual["disks"])
