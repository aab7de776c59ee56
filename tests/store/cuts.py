"""Power cuts of file systems, one after another: what store/powercuts and live/powercuts do alike."""
import pathlib
import shutil
import signal
import sys

import loops
from driver import Died, Driver
from place import Failed

AFTER_THE_ANSWER = 0.25  # of the cuts


def on_each(work, kinds, count):
    """A file system of each kind, as often as its part of all cuts is."""
    for kind in kinds:
        with loops.Loop(work, kind) as loop:
            loop.check_cut()
            for _ in range(max(1, count // len(kinds))):
                yield loop


def cut_after_the_answer(trial):
    driver = Driver(trial.place)
    try:
        driver.opened()
        driver.send(*trial.asked())
        trial.answer = driver.answer()
        trial.cut()
    except Died:
        raise Failed("it died by itself") from None
    finally:
        driver.kill()


def try_one(trial, most_calls, chance, judge):
    """A trial that can cut() the power of its loop, cut_at() a call of what it does, and tell what is asked()
    for that: where it was cut, in words, and what was wrong."""
    where = "after the answer"
    try:
        if chance.random() < AFTER_THE_ANSWER:
            cut_after_the_answer(trial)
        else:
            number = chance.randrange(3, most_calls)
            where = f"before call {number}" if trial.cut_at(number) else "at its end"
        trial.loop.power_on()
        judge()
    except Failed as failure:
        return where, str(failure)
    return where, None


class Count:
    """What failed is told, and kept below a directory."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.passed = self.failed = 0

    def add(self, name, trial, where, failure):
        if not failure:
            self.passed += 1
            return
        self.failed += 1
        kind = trial.loop.kind
        print(f"not ok - {name} on {kind}, cut {where}\n#   {failure}", flush=True)
        shutil.copytree(trial.work, self.directory / f"{kind}-{self.passed + self.failed}",
                        dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))


def main(options, cut_all):
    """The exit status; cut_all(count) does it."""
    impossible = loops.possible()
    if impossible:
        print(f"# skipped: {impossible}")
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    count = Count(options.keep)
    cut_all(count)
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0
