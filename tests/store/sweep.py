"""What the sweeps have in common: domains of several shapes, operations on them, and the judgement
after one was interrupted: all or nothing, and nothing left over.
"""
import dataclasses
import os
import pathlib
import shutil
import tempfile
import time

import model
from driver import Died, Driver
from model import Bytes, Domain, Snapshot
from moves import Move
from place import CLONED, MIB, Failed, Place, methods_of, run, take_either

DOMAIN = "db"
PATIENCE = 20  # seconds for a tidying

# What is done to make a tree; before each step a machine writes.
SHAPES = {
    "chain": ["create a", "create b", "create c"],
    "branches": ["create a", "create b", "create d", "revert a", "create c"],
    "flat": ["create a", "current", "create b", "current", "create c"],
}

# A snapshot inside the image, under the live disk: it is the only one.
INSIDE = {
    "create": Move(DOMAIN, "create", ("new",)),
    "revert inside": Move(DOMAIN, "revert", ("inside",)),
    "revert inside, save": Move(DOMAIN, "revert", ("inside",), {"save": "new"}),
    "discard inside": Move(DOMAIN, "discard", ("inside", "one")),
}

# Of one disk, with others of it and of the domain below and above; and the first of all.
BESIDE_STEPS = ["create a", "create_disk vda one", "create b", "create_disk vda two"]
BESIDE = {
    "disk create": Move(DOMAIN, "create_disk", ("vda", "new")),
    "disk create, compressed": Move(DOMAIN, "create_disk", ("vda", "new"), {"compress": "zstd"}),
    "disk discard": Move(DOMAIN, "discard_disk", ("vda", "one")),
    "disk discard, the last": Move(DOMAIN, "discard_disk", ("vda", "two")),
    "disk merge": Move(DOMAIN, "merge_disk", ("vda", "one")),
    "disk merge, the last": Move(DOMAIN, "merge_disk", ("vda", "two")),
    "disk rename": Move(DOMAIN, "rename_disk", ("vda", "one", "another")),
    "disk hold": Move(DOMAIN, "hold_disk", ("vda", "one", True)),
    "revert": Move(DOMAIN, "revert", ("a",)),
    "merge parent": Move(DOMAIN, "merge", ("b", "parent")),
    "discard force": Move(DOMAIN, "discard", ("a", "force")),
}
FIRST = {"disk create": Move(DOMAIN, "create_disk", ("vda", "new"))}

# By shape: operations with something to do there.
OPERATIONS = {
    "create": {"*": Move(DOMAIN, "create", ("new",), {"description": "words"})},
    "create, compressed": {"*": Move(DOMAIN, "create", ("new",), {"compress": "zstd"})},
    "create, under another": {"*": Move(DOMAIN, "create", ("new",), {"parent": "a"})},
    "create, as a copy": {"*": Move(DOMAIN, "create", ("new",), {"source": "b"})},
    "create, by the other method": {"*": Move(DOMAIN, "create", ("new",), {"method": "qemu"})},
    "create, no metadata": {"*": Move(DOMAIN, "create", ("new",), {"no_metadata": True})},
    "revert": {"*": Move(DOMAIN, "revert", ("a",))},
    "revert, save": {"*": Move(DOMAIN, "revert", ("b",), {"save": "new"})},
    "discard one": {"*": Move(DOMAIN, "discard", ("c", "one"))},
    "discard keep-children": {"*": Move(DOMAIN, "discard", ("b", "keep-children"))},
    "discard force": {"*": Move(DOMAIN, "discard", ("b", "force"))},
    "discard children-only": {"*": Move(DOMAIN, "discard", ("a", "children-only"))},
    "discard metadata-only": {"*": Move(DOMAIN, "discard", ("b", "metadata-only"))},
    "merge parent": {
        "chain": Move(DOMAIN, "merge", ("b", "parent")),
        "branches": Move(DOMAIN, "merge", ("d", "parent")),
        "flat": Move(DOMAIN, "merge", ("c", "parent")),
    },
    "merge parent force": {"branches": Move(DOMAIN, "merge", ("b", "parent"), {"force": True})},
    "merge root": {"chain": Move(DOMAIN, "merge", ("a", "parent")),
                   "branches": Move(DOMAIN, "merge", ("a", "parent"))},
    "merge children": {"chain": Move(DOMAIN, "merge", ("b", "children")),
                       "branches": Move(DOMAIN, "merge", ("a", "children"))},
    "rename": {"*": Move(DOMAIN, "rename", ("a", "another"))},
    "describe": {"*": Move(DOMAIN, "describe", ("a", "words"))},
    "current": {"*": Move(DOMAIN, "make_current", ("b",))},
    "hold": {"*": Move(DOMAIN, "hold", ("b", True))},
    "redefine": {"*": Move(DOMAIN, "redefine", ("c",), {"parent": None, "current": True})},
}


@dataclasses.dataclass
class Seed:
    """A store to begin with, and what is in it."""

    place: Place
    domain: Domain


@dataclasses.dataclass
class Scenario:
    name: str
    seed: Seed
    move: Move

    def verdict(self):
        return self.move.on(self.seed.domain)


def empty_domain(targets, disks="qemu"):
    return Domain({target: Bytes(bytes(MIB)) for target in targets}, {}, clones=disks != "qemu",
                  either=take_either(disks), methods=methods_of(targets, disks))


def write_all(place, domain, number):
    """As a machine would: other bytes on each disk, and each time."""
    for disk, target in enumerate(domain.disks):
        pieces = [(number * 128 * 1024 + disk * 4096, 64 * 1024, 16 * disk + number + 1)]
        place.write(DOMAIN, target, pieces)
        domain = domain.written(target, pieces)
    return domain


def make_seed(directory, steps, targets, disks="qemu"):
    """Each snapshot has bytes of its own on each disk, and so has the live disk."""
    place = Place(directory).add(DOMAIN, targets, disks=disks)
    domain = empty_domain(targets, disks)
    driver = Driver(place).opened()
    for number, step in enumerate([*steps, ""]):
        domain = write_all(place, domain, number)
        if step:
            domain = do_step(driver, domain, *step.split())
    place.settle()
    driver.end()
    return Seed(place, domain)


def make_inside(directory, targets):
    place = Place(directory).add(DOMAIN, targets)
    domain = write_all(place, empty_domain(targets), 0)
    for image in place.disks[DOMAIN].values():
        run("qemu-img", "snapshot", "-c", "inside", image)
    inside = Snapshot(None, domain.disks, inside=True)
    domain = domain.change(snapshots={"inside": inside}, template=True)
    return Seed(place, write_all(place, domain, 1))


def do_step(driver, domain, verb, *words):
    move = Move(DOMAIN, {"current": "make_current"}.get(verb, verb), tuple(words))
    code, sentence = driver.ask(*move.asked())
    if code != "ok":
        raise Failed(f"{move}: {code} {sentence}")
    return move.on(domain).after


def can_be(move, domain):
    return domain.either or "method" not in move.options


def fixed_seeds(work, count, targets, disks):
    """shape -> its seed, and its moves."""
    seeds = {
        "beside": (make_seed(work / f"beside-{count}", BESIDE_STEPS, targets, disks), BESIDE),
        "first": (make_seed(work / f"first-{count}", [], targets, disks), FIRST),
    }
    if disks == "qemu":
        seeds["inside"] = (make_inside(work / f"inside-{count}", targets), INSIDE)
    return seeds


def scenarios(work, counts=(1, 3), pattern=lambda name: True, disks="qemu"):
    """All of them; the seeds are made below @work."""
    found = []
    for count in counts:
        targets = ["vda", "vdb", "vdc"][:count]
        for shape in SHAPES:
            seed = make_seed(work / f"{shape}-{count}", SHAPES[shape], targets, disks)
            for name, moves in OPERATIONS.items():
                move = moves.get(shape, moves.get("*"))
                whole = f"{name}, {shape}, {count} disk{'s' if count > 1 else ''}"
                if move and pattern(whole) and can_be(move, seed.domain):
                    found.append(Scenario(whole, seed, move))
        for kind, (seed, moves) in fixed_seeds(work, count, targets, disks).items():
            found += fixed_scenarios(kind, seed, moves, count, pattern)
    return found


def fixed_scenarios(shape, seed, moves, count, pattern):
    """Of a seed with moves of its own."""
    named = {f"{name}, {shape}, {count} disk{'s' if count > 1 else ''}": move
             for name, move in moves.items()}
    return [Scenario(whole, seed, move) for whole, move in named.items() if pattern(whole)]


def room_for(disks):
    """Where to work: in memory, but for clones where $TMPDIR is."""
    return "/dev/shm" if disks not in CLONED and os.access("/dev/shm", os.W_OK) else None


def kept_in(name):
    """Where what failed is left: not on a file system that goes away (tests/on-reflinks)."""
    return os.path.join(os.environ.get("OUTER_TMPDIR", tempfile.gettempdir()), name)


class Trial:
    """One operation of a scenario on a copy of its store."""

    def __init__(self, work, scenario):
        self.work = work
        self.scenario = scenario
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.place = scenario.seed.place.copy_to(work / "store")
        self.report = work / "report"
        self.answer = None

    def operate(self, wrapped_in=()):
        """Does it, and what tidying follows. It may be killed at any time; what it answered is
        `answer` then, or None. Whether it came to its end."""
        driver = Driver(self.place, wrapped_in, self.work / "stderr")
        try:
            driver.opened()
            driver.send(*self.scenario.move.asked())
            self.answer = driver.answer()
            self.until_settled(driver)
            driver.end()
            return True
        except Died:
            driver.dismiss()
            return False

    def until_settled(self, driver):
        """Also when it never is: `judge` says what of it is left."""
        end = time.monotonic() + PATIENCE
        while driver.process.poll() is None:
            try:
                self.place.settle(patience=0)
                return
            except Failed:
                time.sleep(0.003)
            if time.monotonic() > end:
                return
        raise Died

    def reopen(self, wrapped_in=()):
        """Opens it as after a crash, until all is tidied, sometimes to be killed again."""
        driver = Driver(self.place, wrapped_in, self.work / "stderr")
        try:
            driver.opened()
            driver.look(DOMAIN, "tree")
            self.until_settled(driver)
            driver.end()
        except Died:
            driver.dismiss()

    def stopped_at(self, number):
        return [os.environ["STOP_AT"], str(number), self.report, self.place.path]

    def calls(self):
        """Of the last run that was wrapped in stopped_at: (number, digest, the call)."""
        for line in pathlib.Path(self.report).read_text(errors="replace").splitlines():
            number, digest, call = line.split(" ", 2)
            yield int(number), digest, call

    # ---- judging

    def judge(self):
        """Of a store that nobody has open: all or nothing, tidy, and in order. Tidying comes first:
        who reads makes it wait."""
        driver = Driver(self.place, log=self.work / "stderr").opened()
        try:
            driver.look(DOMAIN, "tree")
            self.place.settle()
            self.judge_tree(driver.look(DOMAIN), self.scenario.verdict())
        finally:
            driver.dismiss()
        self.place.check()

    def judge_tree(self, dump, verdict):
        before = model.differences(self.scenario.seed.domain, dump)
        after = model.differences(verdict.after, dump) if verdict.after else ["must fail"]
        if self.answer and self.answer[0] == "ok" and after:
            raise Failed(f"acknowledged, and not there: {'; '.join(after)}")
        if before and after:
            raise Failed(f"half done: {'; '.join(before)}; OR {'; '.join(after)}")
