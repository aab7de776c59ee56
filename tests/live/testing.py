"""What the tests of snapshots of running machines have in common: a test is a function whose name is a
sentence and that has one argument, `work`. Each has a store and a machine of its own.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from trial import DOMAIN, Trial
from agent import Agent
from between import Between, Death
from driver import Driver
from machine import PATIENCE
from place import Failed, uuid_in


def expect(condition, sentence):
    if not condition:
        raise Failed(sentence)


def eventually(condition, sentence, limit=PATIENCE):
    end = time.monotonic() + limit
    while not condition():
        expect(time.monotonic() < end, sentence)
        time.sleep(0.02)


class Test:
    """One driver all the time, on a domain whose machine runs."""

    def __init__(self, work, scenario="first, 2 disks", start=True):
        self.trial = Trial(pathlib.Path(work), scenario)
        self.place, self.machine = self.trial.place, self.trial.machine
        if start:
            self.trial.start()
        self.opened = None

    @property
    def driver(self):
        """Opened when it is first needed: whatever is started after it is taken for its child."""
        if not self.opened:
            self.opened = Driver(self.place, log=self.trial.work / "stderr").opened()
        return self.opened

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.opened:
            self.opened.dismiss()
        self.machine.stop()

    def ok(self, *words):
        code, sentence = self.driver.ask(*words)
        expect(code == "ok", f"{' '.join(words)}: {code} {sentence}")

    def take(self, name, *more):
        self.ok("create", DOMAIN, f"name={name}", *more)
        self.trial.model = self.trial.model.do("create", name).after

    def refused(self, expected, pattern, *words):
        code, sentence = self.driver.ask(*words)
        expect(code == expected and re.search(pattern, sentence),
               f"{' '.join(words)}: {code} {sentence}, not {expected} {pattern}")

    def with_hook(self, verb, commands):
        """The example, but that it does @commands first when it is asked to @verb."""
        text = self.place.hook.read_text().split("\n", 1)
        text.insert(1, f'if [ "$1" = {verb} ]; then\n{commands}\nfi')
        self.place.hook.write_text("\n".join(text))

    def goes_on(self):
        eventually(lambda: self.machine.status() == "running", "the guest stays paused")

    def nothing_happened(self):
        expect(not self.driver.look(DOMAIN, "tree")["snapshots"], "there is a snapshot")
        expect(not [path for path in self.place.files() if uuid_in(path.name)], "there are images")
        expect(not self.place.unfinished(), f"left over: {self.place.unfinished()}")
        for path in self.place.disks[DOMAIN].values():
            expect(path.stat().st_nlink == 1, f"{path} has two names")

    def ends_well(self):
        """Off, tidied, and with all bytes."""
        self.machine.stop()
        self.driver.dismiss()
        self.trial.judge_bytes()
        self.place.check()

    def directory(self):
        own = self.place.path / DOMAIN
        return own if own.is_dir() else self.place.path


class LeftPaused(Test):
    """By a driver that was taking a snapshot and is killed when QEMU has done the command with the bytes
    `command` in it, which pauses the guest or comes after that."""

    def __init__(self, work, scenario, command, *words):
        super().__init__(work, scenario)
        path = self.directory() / "between.sock"
        (self.directory() / "vmsnapfs.conf").write_text(f"[machine]\nqmp={path}\n")
        self.between = Between(path, Death(self), command, "killed unanswered")
        self.words = words
        self.agent = Agent(self.directory() / "qga.sock", machine=self.machine)

    def __enter__(self):
        self.trial.write()
        self.driver.send("create", DOMAIN, "name=a", *self.words)
        try:
            self.driver.process.wait(PATIENCE)
            self.machine.expect("paused")
        except (Failed, subprocess.TimeoutExpired) as wrong:
            self.__exit__()
            raise Failed("the guest is not paused") from wrong
        self.driver.dismiss()
        self.opened = None
        return self

    def __exit__(self, *_):
        super().__exit__()
        self.between.close()


class Watched(Test):
    """Somebody sees what the store tells QEMU, and does something before it pauses the machine, before
    the command after that, or before it lets it go on."""

    def __init__(self, work, scenario, drive_options=""):
        super().__init__(work, scenario, start=False)
        self.machine.drive_options = drive_options
        self.trial.start()
        path = self.directory() / "between.sock"
        (self.directory() / "vmsnapfs.conf").write_text(f"[machine]\nqmp={path}\n")
        self.before_stop = self.after_stop = self.before_cont = lambda: None
        self.noted = lambda: None  # when there is a note already that it is paused
        self.stopped = False
        self.between = Between(path, self.machine)
        self.between.alter = self.see

    def see(self, command):
        if self.stopped:
            self.after_stop()
        self.stopped = b'"stop"' in command
        if self.stopped:
            self.before_stop()
        if b"query-status" in command and list(self.place.path.glob(".vmsnapfs/*/paused")):
            self.noted, noted = lambda: None, self.noted
            noted()
        if b'"cont"' in command:
            self.before_cont()
        return command

    def __exit__(self, *_):
        super().__exit__()
        self.between.close()


def tests(module):
    own = [value for value in module.values()
           if hasattr(value, "__code__") and value.__code__.co_varnames[:1] == ("work",)]
    return [function for function in own if re.search(sys.argv[1] if sys.argv[1:] else "",
                                                      function.__name__)]


def main(module, directory="/dev/shm"):
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="live-", dir=directory) as work:
        for number, function in enumerate(tests(module)):
            sentence = function.__name__.replace("_", " ")
            try:
                function(pathlib.Path(work) / str(number))
                print(f"ok - {sentence}", flush=True)
                passed += 1
            except Failed as failure:
                print(f"not ok - {sentence}\n#   {failure}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    return failed == 0
