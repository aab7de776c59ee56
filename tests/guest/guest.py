"""A small Linux guest under TCG, which tests start and stop.

    with Guest(work, {"vda": a, "vdb": b}) as guest:
        guest.start_writer()
        …
        guest.stop_writer()
        guest.run("mount /dev/vdc /mnt")

The guest is made by make-guest when it is first needed, in the directory $GUEST, and is of one of its kinds.
Everything has a deadline; whatever happens, QEMU ends with the `with`, and also when the test is killed. In
`work` are then:

    console.log     what the guest says; the writer says there "durable N" once N is on both disks
    qga.sock        the guest agent, or where agent_socket says; absent with agent=False
    qmp.sock        QEMU's own, or where qmp_socket says
"""
import contextlib
import ctypes
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
BLOCK = 512  # numbers.c has one number in each
# QEMU translates code anew for each address that it is at: where every process has its libraries elsewhere,
# starting one takes seven times as long (93 ms; 10 to 14 with norandmaps). And glibc does with AVX2, where there
# is one, what is cheaper without it: a snapshot of LVM's takes half of the processor time with this processor.
QUICK_PROCESSOR = "qemu64"
QUICK_KERNEL = "mitigations=off nokaslr norandmaps init_on_alloc=0"
BOOT_LIMIT = 300  # seconds; measured: 9 on two processors with a load of 7, 32 with one of 17
ANSWER_LIMIT = 60
END_OF_OUTPUT_BEGINS = b"\x04"
END_OF_OUTPUT = re.compile(rb"\x04 (\d+)\r?\n")
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """The guest does not do what it should; says what it said last."""


def made_guest(kind):
    """The directory with the guest, which is made if need be."""
    directory = pathlib.Path(os.environ["GUEST"])
    subprocess.run([HERE / "make-guest", directory, kind], check=True)
    return directory / kind


def wait_until(condition, limit, what):
    end = time.monotonic() + limit
    while not (found := condition()):
        if time.monotonic() > end:
            raise Failed(f"waited {limit} s until {what}")
        time.sleep(0.01)
    return found


def dies_with_its_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


# ---- what the tests say

results = {True: 0, False: 0}


def check(what, holds, said=""):
    results[bool(holds)] += 1
    print(f"ok - {what}" if holds else f"not ok - {what}\n#   {said}", flush=True)


def summary():
    """The exit status."""
    print(f"{results[True]} passed, {results[False]} failed")
    return 1 if results[False] else 0


# ---- what is on the disks

DISK_SIZE = 16 * 1024 * 1024
BLOCKS = DISK_SIZE // BLOCK  # of the writer: after so many numbers it writes over the first


def make_disk(path, size=DISK_SIZE):
    with open(path, "wb") as disk:
        disk.truncate(size)
    return path


def is_clean(image, copy):
    """A copy is a machine that was switched off at that moment; the journal must be empty as well."""
    subprocess.run(["cp", "--sparse=always", image, copy], check=True)
    answer = subprocess.run(["e2fsck", "-fn", copy], capture_output=True, text=True, check=False)
    features = subprocess.run(["dumpe2fs", "-h", copy], capture_output=True, text=True, check=True).stdout
    dirty = "needs_recovery" in features
    return answer.returncode == 0 and not dirty, answer.stdout + answer.stderr + features


def numbers_on(raw):
    """All numbers on a disk, which is given as its bytes; what is half there counts as not there."""
    found = set()
    for at in range(0, len(raw), BLOCK):
        block = raw[at:at + BLOCK]
        if block.startswith(b"number "):
            found.add(int(block[7:block.index(b"\n")]))
    return found


# ---- sockets of JSON lines, for tests that look themselves

class JsonSocket:
    def __init__(self, path, limit=ANSWER_LIMIT):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(limit)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rb")

    def send(self, **command):
        self.socket.sendall(json.dumps(command).encode() + b"\n")

    def receive(self):
        line = self.stream.readline()
        if not line:
            raise Failed("the socket was closed")
        return json.loads(line)

    def ask(self, name, **arguments):
        self.send(execute=name, **({"arguments": arguments} if arguments else {}))
        while "event" in (answer := self.receive()):
            pass
        if "error" in answer:
            raise Failed(f"{name}: {answer['error']['desc']}")
        return answer["return"]

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# ---- the guest

def tell_so_far(answer, known, told):
    """What is behind `known` and is surely not the end of the output; where to go on."""
    end = answer.find(END_OF_OUTPUT_BEGINS, known)
    end = len(answer) if end < 0 else end
    told(answer[known:end])
    return end


class Guest:
    def __init__(self, work, disks, agent=True, agent_socket=None, qmp_socket=None, memory=256,
                 kind="writer", more_files=b"", cache="writeback"):
        """disks: target to path, qcow2 or raw by its suffix; all are opened as the machine's own.
        more_files: an archive of what is in the guest as well. cache: as QEMU says it."""
        self.work = pathlib.Path(work)
        self.disks = disks
        self.agent = agent
        self.memory = memory
        self.kind = kind
        self.more_files = more_files
        self.cache = cache
        self.console = self.work / "console.log"
        self.agent_socket = agent_socket or self.work / "qga.sock"
        self.qmp_socket = qmp_socket or self.work / "qmp.sock"
        self.process = None
        self.control = None
        self.writer = False
        self.boot_seconds = None

    # ---- starting and stopping

    def port(self, name, path, number):
        return ["-chardev", f"socket,id=port{number},path={path},server=on,wait=off",
                "-device", f"virtserialport,chardev=port{number},name={name}"]

    def files(self, made):
        """What it boots from: the kernel takes several archives one behind the other."""
        if not self.more_files:
            return made / "initramfs"
        files = self.work / "initramfs"
        files.write_bytes((made / "initramfs").read_bytes() + self.more_files)
        return files

    def command(self):
        made = made_guest(self.kind)
        command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", QUICK_PROCESSOR, "-m", str(self.memory),
                   "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                   "-kernel", made / "vmlinuz", "-initrd", self.files(made), "-append",
                   f"console=ttyS0 quiet panic=-1 {QUICK_KERNEL} agent={'yes' if self.agent else 'no'}",
                   "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
                   "-qmp", f"unix:{self.qmp_socket},server=on,wait=off", "-device", "virtio-serial-pci",
                   *self.port("vmsnapfs.control", self.work / "control.sock", 0)]
        if self.agent:
            command += self.port("org.qemu.guest_agent.0", self.agent_socket, 1)
        for target, path in self.disks.items():
            kind = "raw" if str(path).endswith((".raw", ".img")) else "qcow2"
            command += ["-drive", f"if=none,id={target},format={kind},cache={self.cache},file={path}",
                        "-device", f"virtio-blk-pci,drive={target},id=device-{target}"]
        return [str(word) for word in command]

    def start(self):
        command = self.command()
        for left in (self.console, self.agent_socket, self.qmp_socket):
            left.unlink(missing_ok=True)
        begun = time.monotonic()
        with open(self.work / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, preexec_fn=dies_with_its_parent)
        try:
            self.wait_for(r"guest: ready", BOOT_LIMIT)
            self.boot_seconds = time.monotonic() - begun
            self.control = socket.socket(socket.AF_UNIX)
            self.control.connect(str(self.work / "control.sock"))
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        """At once, as by a power cut; what the guest was told to be durable is on the disks."""
        if self.control:
            self.control.close()
            self.control = None
        if self.process:
            self.process.kill()
            self.process.wait(ANSWER_LIMIT)
            self.process = None

    __enter__ = start

    def __exit__(self, *_):
        self.stop()

    # ---- the console

    def said(self):
        with contextlib.suppress(FileNotFoundError):
            return self.console.read_text(encoding="utf-8", errors="replace")
        return ""

    def wait_for(self, pattern, limit=ANSWER_LIMIT):
        def found():
            if self.process.poll() is not None:
                log = (self.work / "qemu.log").read_text(encoding="utf-8", errors="replace")
                raise Failed(f"QEMU has ended: {log[-2000:]}")
            return re.search(pattern, self.said())
        try:
            return wait_until(found, limit, f"the guest says {pattern}")
        except Failed as failure:
            raise Failed(f"{failure}; last it said: {self.said()[-2000:]}") from None

    # ---- commands

    def run(self, line, limit=ANSWER_LIMIT, check=True, told=None):
        """Runs a line in the guest's shell; what it printed. Not check: (status, what it printed).
        told: is called with each piece of that at once."""
        deadline = time.monotonic() + limit
        self.control.sendall(line.encode() + b"\n")
        answer, known = b"", 0
        while not (end := END_OF_OUTPUT.search(answer, known)):
            if told:
                known = tell_so_far(answer, known, told)
            try:
                self.control.settimeout(max(deadline - time.monotonic(), 0.01))
                piece = self.control.recv(65536)
            except TimeoutError:
                raise Failed(f"{line}: no answer within {limit} s; {answer.decode(errors='replace')[-2000:]}; "
                             f"the guest says {self.said()[-2000:]}") from None
            if not piece:
                raise Failed(f"{line}: QEMU has ended; the guest says {self.said()[-2000:]}")
            answer += piece
        if told:
            told(answer[known:end.start()])
        status, output = int(end.group(1)), answer[:end.start()].decode(errors="replace")
        if not check:
            return status, output
        if status:
            raise Failed(f"{line}: {status}: {output}")
        return output

    # ---- numbers

    def start_writer(self, a="/dev/vda", b="/dev/vdb", first=1):
        """Writes numbers to both disks from now on, until it is stopped."""
        self.run(f"numbers {a} {b} /dev/console {first} >/run/numbers.log 2>&1 & echo $! >/run/writer")
        self.writer = True
        return wait_until(self.durable, ANSWER_LIMIT, "the first number is durable")

    def stop_writer(self):
        """The last number that is durable."""
        self.run("kill -STOP $(cat /run/writer) && kill -KILL $(cat /run/writer)")
        self.writer = False
        return self.durable()

    def durable(self):
        """The last number that the guest was told to be on both disks; 0: none yet."""
        numbers = re.findall(r"^durable (\d+)\r?\n", self.said(), re.MULTILINE)
        return int(numbers[-1]) if numbers else 0

    def wait_for_more(self, count=1, limit=ANSWER_LIMIT):
        before = self.durable()
        wait_until(lambda: self.durable() >= before + count, limit, f"{count} more numbers are durable")
