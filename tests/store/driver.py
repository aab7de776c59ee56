"""One `operate` under test: what is asked of it, and how it is killed."""
import ctypes
import json
import multiprocessing
import os
import select
import signal
import subprocess
import time
import urllib.parse

from place import Failed

PATIENCE = 60  # seconds until something hangs
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)  # the latter is what stop-at says of it
PR_SET_CHILD_SUBREAPER = 36
ENVIRONMENT = {**os.environ, "G_DEBUG": "fatal-criticals"}


class Died(Exception):
    """The driver ended before it answered."""


def adopt_orphans():
    """Children of a killed driver become ours, so that their end can be waited for."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def workers(jobs):
    """A pool of processes that end when they are told to. A handler that they had from us would end
    one of them while it holds what another waits for, and then that one waits for ever."""
    return multiprocessing.Pool(jobs, signal.signal, (signal.SIGTERM, signal.SIG_DFL))


def spell(word):
    return urllib.parse.quote(word, safe="=-")


def children():
    """Of this process, which has one thread."""
    with open("/proc/thread-self/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


class Driver:
    """Open on a store from the start; raises Died when it did not come so far."""

    def __init__(self, place, wrapped_in=(), log=None):
        adopt_orphans()
        self.others = set(children())
        self.place = place
        self.buffer = b""
        self.errors = open(log, "ab") if log else None
        self.process = subprocess.Popen(
            [*wrapped_in, os.environ["OPERATE"], str(place.path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0,
            env={**ENVIRONMENT, **({"HOOK": str(place.hook)} if place.hook else {})},
        )

    def opened(self):
        code, sentence = self.answer()
        if code != "ok":
            self.end()
            raise Failed(f"the store does not open: {code} {sentence}")
        return self

    # ---- asking

    def send(self, *words):
        line = " ".join(spell(word) for word in words) + "\n"
        try:
            self.process.stdin.write(line.encode())
        except BrokenPipeError:
            raise Died from None

    def answer(self, patience=PATIENCE):
        """(code, the rest); the code is "ok" or that of the error."""
        end = time.monotonic() + patience
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.process.stdout], [], [], end - time.monotonic())
            if not ready:
                raise Failed("there is no answer")
            data = self.process.stdout.read(1 << 16)
            if not data:
                raise Died
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        word, _, rest = line.decode().partition(" ")
        if word == "ok":
            return "ok", rest
        code, _, sentence = rest.partition(" ")
        return code, sentence

    def ask(self, *words):
        self.send(*words)
        return self.answer()

    def look(self, domain, verb="dump"):
        code, rest = self.ask(verb, domain)
        if code != "ok":
            raise Failed(f"{domain} cannot be looked at: {code} {rest}")
        return json.loads(rest)

    # ---- ending

    def kill(self):
        """kill -9; what it answered before it died, or None."""
        self.process.kill()
        try:
            return self.answer()
        except Died:
            return None
        finally:
            self.reap()

    def dismiss(self):
        """In whatever state it is."""
        if not self.process.stdin.closed:
            self.reap()

    def reap(self):
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        if self.errors:
            self.errors.close()
        self.wait_for_children()
        return status

    def wait_for_children(self):
        """A qemu-img whose parent was killed is killed as well, but is there for a moment."""
        end = time.monotonic() + PATIENCE
        while (orphans := set(children()) - self.others):
            for orphan in orphans:
                os.waitpid(orphan, os.WNOHANG)
            if time.monotonic() > end:
                raise Failed("a child outlives the driver")
            time.sleep(0.001)

    def end(self):
        """In peace: a mistake of the driver's own shows here. Died when it was killed meanwhile."""
        status = self.reap()
        if status in KILLED:
            raise Died
        if status not in (0, 1):
            raise Failed(f"the driver ended with {status}")
