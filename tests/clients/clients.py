#!/usr/bin/env python3
"""Clients that do anything at all to the same domains of one mount, and write down what they saw.

    clients.py MOUNT STORE HISTORIES prepare           branches of different content in each domain
    clients.py MOUNT STORE HISTORIES run SEED SECONDS CLIENTS
    clients.py MOUNT STORE HISTORIES look NAME         everything, when nobody else does anything

Every client is a process. What it did goes to HISTORIES/NAME, a line for an operation, for
explain.py to judge: here nothing is judged. Domains are the images of STORE, each of one byte
repeated; a client that is the machine for a moment repeats another one. Clients go through
.snapshots, because the kernel keeps entries of the tree until it is told that they moved, and it is
told afterwards.
"""
import errno
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

NAMES = "abcdefgh"
SIZE = 1 << 20
PATIENCE = 120  # seconds; until a call hangs


class Client:
    def __init__(self, mount, store, histories, name, number=0):
        self.mount = mount
        self.store = store
        self.number = number
        self.file = open(pathlib.Path(histories) / name, "w", encoding="utf-8")

    # ---- writing down

    def operation(self, domain, what, uses=True, linger=False):
        """Of the calls until `over`. @uses: keeps the domain busy; @linger: for a while after."""
        self.record = {"client": self.number, "domain": domain, "what": what, "calls": [],
                       "uses": uses, "linger": linger}

    def call(self, function, *steps):
        """Does one call; its result, or None when it failed. @steps: what it means, see explain.py;
        a function makes one of the result."""
        entry = {"start": time.monotonic_ns(), "error": None}
        try:
            result = function()
        except OSError as error:
            result = None
            entry["error"] = name_of(error.errno)
        entry["end"] = time.monotonic_ns()
        entry["steps"] = [step(result) if callable(step) else step for step in steps]
        self.record["calls"].append(entry)
        return result

    def over(self):
        self.record["until"] = time.monotonic_ns()
        self.file.write(json.dumps(self.record) + "\n")

    # ---- operations

    def at(self, domain, *parts):
        return os.path.join(self.mount, domain, *parts)

    def make(self, domain, name, how="here"):
        self.operation(domain, f"mkdir {how} {name}")
        parts = [".snapshots", name] if how == "here" else [name]
        step = ["do", "create", name, how]
        made = self.call(lambda: os.mkdir(self.at(domain, *parts)) or True, step)
        if made is None and self.record["calls"][0]["error"] == "ENOENT":
            # It was made, and discarded before the answer.
            self.record["calls"][0].update(error=None, steps=[step, ["see", "own", False]])
        if how == "root" and self.record["calls"][0]["error"] == "EEXIST":
            self.record["calls"][0]["steps"] = []  # an entry of the tree, see above
        self.over()

    def remove(self, domain, name):
        self.operation(domain, f"rmdir {name}")
        self.call(lambda: os.rmdir(self.at(domain, ".snapshots", name)), ["bind", name],
                  ["do", "rmdir"])
        self.over()

    def rename(self, domain, name, new):
        self.operation(domain, f"rename {name} {new}")
        self.call(lambda: os.rename(self.at(domain, ".snapshots", name),
                                    self.at(domain, ".snapshots", new)),
                  ["bind", name], ["do", "rename", new])
        self.over()

    def order(self, domain, name, file, words, *step):
        """Opening means the snapshot of that name; writing is the change."""
        self.operation(domain, f"{file} {name} {words}")
        fd = self.call(lambda: os.open(self.at(domain, ".snapshots", name, "control", file),
                                       os.O_WRONLY), ["bind", name], ["see", "here", True])
        if fd is not None:
            self.call(lambda: os.write(fd, words.encode()), ["do", file, *step])
            os.close(fd)
        self.over()

    def create(self, domain, name, how, other):
        self.operation(domain, f"create {name} --{how} {other}")
        fd = os.open(self.at(domain, "control/create"), os.O_WRONLY)
        self.call(lambda: os.write(fd, f"{name} --{how} {other}".encode()), ["bind", other],
                  ["do", "create", name, how])
        os.close(fd)
        self.over()

    def write(self, domain, content):
        """As a machine that runs for a moment; locked out, it did nothing."""
        self.operation(domain, f"write {content}")
        done = self.call(lambda: change(self.store, domain, content), ["do", "write", content])
        if not done:
            self.record["calls"] = [{**self.record["calls"][0], "steps": []}]
        self.over()

    # ---- looking

    def names(self, domain):
        self.operation(domain, "ls", uses=False)
        self.call(lambda: sorted(os.listdir(self.at(domain, ".snapshots"))),
                  lambda names: ["see", "names", names])
        self.over()
        return self.record["calls"][0]["steps"][0][2]

    def info(self, domain, name):
        self.operation(domain, f"info {name}", uses=False)
        self.call(lambda: lines_of(self.at(domain, ".snapshots", name, "info")), ["bind", name],
                  lambda lines: ["see", "info", lines and {
                      "name": lines["name"], "current": lines["current"],
                      "parent": lines.get("parent"), "children": int(lines["children"]),
                      "descendants": int(lines["descendants"])}])
        self.over()

    def domain_info(self, domain):
        self.operation(domain, "domain info", uses=False)
        self.call(lambda: lines_of(self.at(domain, "info")),
                  lambda lines: ["see", "domain", lines and {
                      "current": lines.get("current"), "snapshots": int(lines["snapshots"])}])
        self.over()

    def current(self, domain):
        self.operation(domain, "readlink current", uses=False)
        self.call(lambda: link_at(self.at(domain, "current")),
                  lambda path: ["see", "current", path])
        self.over()

    def content(self, domain, name):
        """Who reads a snapshot keeps it."""
        self.operation(domain, f"read {name}", linger=True)
        fd = self.call(lambda: os.open(self.at(domain, ".snapshots", name, "disks/vda.raw"),
                                       os.O_RDONLY), ["bind", name])
        if fd is not None:
            # What is read is what was there when it was opened.
            seen = content_of(fd)
            self.record["calls"][0]["steps"].append(["see", "content", [seen]])
            os.close(fd)
        else:
            self.record["calls"][0]["steps"].append(["see", "here", True])
        self.over()

    def live(self, domain):
        self.operation(domain, "read live", linger=True)
        fd = self.call(lambda: os.open(self.at(domain, "disks/vda.raw"), os.O_RDONLY))
        if fd is not None:
            self.record["calls"][0]["steps"].append(["see", "live", [content_of(fd)]])
            os.close(fd)
        # The row is absent while a machine runs, as it is busy.
        elif self.record["calls"][0]["error"] == "ENOENT":
            self.record["calls"][0]["error"] = "EBUSY"
        self.over()

    def look(self, domain):
        self.domain_info(domain)
        self.current(domain)
        for name in self.names(domain):
            self.info(domain, name)
            self.content(domain, name)
        self.live(domain)


def name_of(number):
    return "EOPNOTSUPP" if number == errno.EOPNOTSUPP else errno.errorcode[number]


def change(store, domain, content):
    """Whether QEMU could write."""
    image = os.path.join(store, f"{domain}.qcow2")
    return subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", f"write -q -P {content} 0 {SIZE}", image],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    ).returncode == 0


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(": ", 1) for line in file)


def link_at(path):
    try:
        return [os.readlink(path)]
    except FileNotFoundError:
        return [None]


def content_of(fd):
    """The byte that the disk is full of; -1: it is not full of one."""
    data = b"".join(iter(lambda: os.read(fd, SIZE), b""))
    return data[0] if len(data) == SIZE and data == data[:1] * SIZE else -1


# ---- at random

def act(client, chance, domain):
    """One operation; as many make snapshots as remove them."""
    name, other = chance.sample(NAMES, 2)
    operations = [
        (6, lambda: client.make(domain, name)),
        (1, lambda: client.make(domain, name, "root")),
        (2, lambda: client.create(domain, name, chance.choice(["parent", "from"]), other)),
        (4, lambda: client.remove(domain, name)),
        (3, lambda: client.rename(domain, name, other)),
        (2, lambda: discard(client, chance, domain, name)),
        (3, lambda: merge(client, chance, domain, name)),
        (3, lambda: client.order(domain, name, "revert", "1")),
        (1, lambda: client.order(domain, name, "revert", f"save {other}", other)),
        (2, lambda: set_current(client, chance, domain, name)),
        (2, lambda: client.write(domain, chance.randrange(1, 256))),
        (2, lambda: client.names(domain)),
        (2, lambda: client.domain_info(domain)),
        (1, lambda: client.current(domain)),
        (4, lambda: client.info(domain, name)),
        (4, lambda: client.content(domain, name)),
        (1, lambda: client.live(domain)),
    ]
    weights = [weight for weight, _ in operations]
    chance.choices([operation for _, operation in operations], weights)[0]()


def discard(client, chance, domain, name):
    words = chance.choice(["1", "keep-children", "force", "children-only"])
    client.order(domain, name, "discard", words, words)


def merge(client, chance, domain, name):
    words = chance.choice(["parent", "parent", "parent force", "children"])
    client.order(domain, name, "merge", words, words)


def set_current(client, chance, domain, name):
    wanted = chance.choice("110")
    client.order(domain, name, "current", wanted, wanted)


def run_client(client, chance, domains, end):
    while time.monotonic() < end:
        act(client, chance, chance.choice(domains))
    client.file.close()


# ---- from the command line

def domains_of(store):
    return sorted(path.stem for path in pathlib.Path(store).glob("[!.]*.qcow2"))


def prepare(client):
    for domain in domains_of(client.store):
        for content, name in enumerate("abcd", 1):
            client.write(domain, content)
            client.make(domain, name)
            if name in "bc":
                client.order(domain, "a", "revert", "1")
        client.look(domain)


def run(mount, store, histories, seed, seconds, number):
    end, clients = time.monotonic() + seconds, []
    for i in range(1, number + 1):
        child = os.fork()
        if child == 0:
            client = Client(mount, store, histories, f"client-{i}", i)
            run_client(client, random.Random(f"{seed} {i}"), domains_of(store), end)
            os._exit(0)
        clients.append(child)
    signal.signal(signal.SIGALRM, lambda *_: hang(clients))
    signal.alarm(seconds + PATIENCE)
    failed = [client for client in clients if os.waitpid(client, 0)[1] != 0]
    sys.exit(f"{len(failed)} clients failed" if failed else None)


def hang(clients):
    for client in clients:
        os.kill(client, signal.SIGKILL)
    sys.exit("a call hangs")


def main(mount, store, histories, verb, *words):
    if verb == "run":
        run(mount, store, histories, words[0], int(words[1]), int(words[2]))
    client = Client(mount, store, histories, words[0] if words else verb)
    if verb == "prepare":
        prepare(client)
    for domain in domains_of(store) if verb == "look" else ():
        client.look(domain)
    client.file.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
