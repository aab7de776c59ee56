"""One snapshot of a running machine that something goes wrong with, and the judgement afterwards."""
import os
import pathlib
import shutil
import sys
import tempfile
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "store"))
import model  # noqa: E402
from driver import Died, Driver  # noqa: E402
from machine import PATIENCE, Machine  # noqa: E402
from place import Failed, Place, uuid_in  # noqa: E402
from sweep import empty_domain  # noqa: E402

DOMAIN = "db"
TAKEN = "new"
KIB = 1024

# By what disks are snapshotted by: how QEMU got them, how many, snapshots of the running machine before,
# and what they are (place.py).
SCENARIOS = {
    "overlays": {
        "first, 1 disk": ("drive", 1, 0, "qemu"),
        "first, 2 disks": ("blockdev", 2, 0, "qemu"),
        "second, 2 disks": ("drive", 2, 1, "qemu"),
        "second, 1 disk": ("blockdev", 1, 1, "qemu"),
        "paused, 2 disks": ("drive", 2, 0, "qemu"),
        "ninth, 1 disk": ("blockdev", 1, 8, "qemu"),  # QEMU opens its chain anew
    },
    "clones": {
        "raw, 2 disks": ("drive", 2, 0, "raw"),
        "raw, second, 1 disk": ("blockdev", 1, 1, "raw"),
        "clones, second, 2 disks": ("blockdev", 2, 1, "clones"),
        "clones, paused, 2 disks": ("drive", 2, 0, "clones"),
    },
    "exec": {
        "exec, 2 disks": ("drive", 2, 0, "exec"),
        "exec, second, 1 disk": ("blockdev", 1, 1, "exec"),
        "exec, paused, 2 disks": ("drive", 2, 0, "exec"),
    },
}
# The same, not to be swept; volumes need tests/on-fake-lvm.
OTHERS = {
    "exec, qcow2, 1 disk": ("blockdev", 1, 0, "exec-qcow2"),
    "volumes, 2 disks": ("drive", 2, 0, "lvm"),
    "volumes, blockdev, 1 disk": ("blockdev", 1, 0, "lvm"),
}


def scenarios_of(method):
    """And the directory to try them in, which has to clone files for clones (tests/on-reflinks)."""
    return SCENARIOS[method], tempfile.gettempdir() if method == "clones" else "/dev/shm"


class Trial:
    def __init__(self, work, name):
        self.work, self.name = work, name
        known = {name: scenario for scenarios in [*SCENARIOS.values(), OTHERS] for name, scenario in scenarios.items()}
        how, count, self.before, disks = known[name]
        self.paused = "paused" in name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        targets = ["vda", "vdb"][:count]
        self.place = Place(work / "s").add(DOMAIN, targets, disks=disks)
        self.model = empty_domain(targets)
        self.machine = Machine(self.place, DOMAIN, work / "m", how)
        self.answer = None
        self.writes = 0
        self.report = work / "report"

    # ---- what the machine does

    def write(self):
        """Something else on each disk; acknowledged."""
        self.writes += 1
        for disk, target in enumerate(self.model.disks):
            pieces = [((self.writes * 7 + disk) % 120 * 8 * KIB, 64 * KIB,
                       (16 * self.writes + disk) % 255 + 1)]
            self.machine.write(target, pieces)
            self.model = self.model.written(target, pieces)

    def start(self):
        self.machine.start(paused=self.paused)
        return "prelaunch" if self.paused else "running"

    def happen(self, what):
        """To the machine while nobody serves its store."""
        if what == "nothing":
            return
        if what.startswith("let go on"):
            self.machine.qmp.ask("cont")
            self.write()
        if what.endswith("ended"):
            self.machine.stop()
        if what in ("killed", "started again"):
            self.machine.kill()
        if what == "started again":
            self.start()
            self.write()

    # ---- the operation

    def prepare(self):
        self.start()
        for number in range(self.before):
            self.write()
            self.create(f"before-{number}")
        self.write()
        self.until_taken = self.model

    def prepare_without_snapshots(self):
        self.start()
        self.write()
        self.until_taken = self.model

    def create(self, name):
        driver = Driver(self.place, log=self.work / "stderr").opened()
        code, sentence = driver.ask("create", DOMAIN, f"name={name}")
        driver.end()
        if code != "ok":
            raise Failed(f"{name}: {code} {sentence}")
        self.model = self.model.do("create", name).after

    def operate(self, number):
        """TRUE: it came to its end."""
        driver = Driver(self.place, self.stopped_at(number), self.work / "stderr")
        try:
            driver.opened()
            driver.send("create", DOMAIN, f"name={TAKEN}")
            self.answer = driver.answer()
            driver.end()
            return True
        except Died:
            driver.dismiss()
            return False

    def replay(self, number):
        driver = Driver(self.place, self.stopped_at(number), self.work / "stderr")
        try:
            driver.opened().look(DOMAIN, "tree")
            driver.end()
        except Died:
            driver.dismiss()

    def stopped_at(self, number):
        return [os.environ["STOP_AT"], str(number), self.report, self.place.path]

    def calls(self):
        for line in self.report.read_text(errors="replace").splitlines():
            number, _, call = line.split(" ", 2)
            yield int(number), call

    # ---- judging

    def judge(self, meanwhile, already=False):
        """The store is opened; the machine runs as before, and can be snapshotted again. @already:
        the model knows what became of the snapshot."""
        driver = Driver(self.place, log=self.work / "stderr").opened()
        try:
            tree = driver.look(DOMAIN, "tree")
            if tree["problem"]:
                raise Failed(f"the domain has a problem: {tree['problem']}")
            self.judge_machine(meanwhile)
            self.judge_tree([snapshot["name"] for snapshot in tree["snapshots"]], already)
            if self.runs():
                self.write()
                self.again(driver)
                self.write()
                self.machine.stop()
        finally:
            driver.dismiss()
        self.judge_bytes()
        self.start()
        self.machine.stop()
        self.judge_bytes()
        self.place.check()

    def judge_tree(self, names, already):
        there = TAKEN in names
        if self.answer and self.answer[0] == "ok" and not there:
            raise Failed("acknowledged, and not there")
        if not already:
            self.expected(there)

    def frozen(self):
        active = {path.stat().st_ino for path in self.place.disks[DOMAIN].values()}
        return {path for path in self.place.images()
                if uuid_in(path.name) and path.stat().st_ino not in active}

    def runs(self):
        return self.machine.process.poll() is None

    def judge_machine(self, meanwhile):
        if not self.runs():
            return
        paused = self.paused and not meanwhile.startswith("let go on")
        self.machine.expect("prelaunch" if paused else "running")
        for target, inode in self.machine.files().items():
            if os.stat(self.place.disks[DOMAIN][target]).st_ino != inode:
                raise Failed(f"the path of {target} does not lead to what the machine writes to")

    def expected(self, there):
        """With the snapshot, which is of the bytes when the operation began."""
        if there:
            disks = self.until_taken.disks
            taken = self.until_taken.do("create", TAKEN).after
            self.model = taken.change(disks=self.model.disks)
            assert self.model.snapshots[TAKEN].disks == disks

    def again(self, driver):
        code, sentence = driver.ask("create", DOMAIN, "name=again")
        if code != "ok":
            raise Failed(f"another one: {code} {sentence}")
        self.model = self.model.do("create", "again").after

    def settle(self):
        """No disk with two names, and then no image without one: what a disk is read through seems to be
        read twice before that."""
        end = time.monotonic() + PATIENCE
        while [path for path in self.place.disks[DOMAIN].values() if path.stat().st_nlink != 1]:
            if time.monotonic() > end:
                raise Failed("a disk keeps its second name")
            time.sleep(0.01)
        self.place.settle()

    def judge_bytes(self):
        driver = Driver(self.place, log=self.work / "stderr").opened()
        try:
            driver.look(DOMAIN, "tree")
            self.settle()
            different = model.differences(self.model, driver.look(DOMAIN))
        finally:
            driver.dismiss()
        if different:
            raise Failed("; ".join(different))
