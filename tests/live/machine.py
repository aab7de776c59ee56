"""A machine that runs: a real QEMU under TCG without a guest, whose disks are written to through its
own block layer, so that every write is one of a running machine's.

It has the QMP socket that the store looks for, and one for us.
"""
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import threading
import time

from place import Failed, run

PATIENCE = 60  # seconds


class Qmp:
    def __init__(self, path, process):
        self.buffer = b""
        self.lock = threading.Lock()  # one asks at a time
        end = time.monotonic() + PATIENCE
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(path))
                break
            except OSError as wrong:
                self.socket.close()
                if process.poll() is not None or time.monotonic() > end:
                    raise Failed(f"QEMU does not start: {wrong}") from wrong
                time.sleep(0.01)
        self.read()
        self.ask("qmp_capabilities")

    def read(self):
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.socket], [], [], end - time.monotonic())
            try:
                data = self.socket.recv(1 << 16) if ready else b""
            except ConnectionResetError:
                data = b""
            if not data:
                raise Failed("QEMU does not answer")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, **arguments):
        arguments = {name.replace("_", "-"): value for name, value in arguments.items()}
        line = json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        with self.lock:
            self.socket.sendall(line)
            while True:
                answer = self.read()
                if "error" in answer:
                    raise Failed(f"QEMU refuses {command}: {answer['error']['desc']}")
                if "return" in answer:
                    return answer["return"]


class Machine:
    """Started on the disks of a domain; `how` is how they are given to QEMU."""

    def __init__(self, place, domain, work, how="drive", options=()):
        self.place, self.domain, self.work, self.how = place, domain, pathlib.Path(work), how
        self.options = list(options)
        self.device_options = self.drive_options = ""
        self.work.mkdir(parents=True, exist_ok=True)
        bare = place.path / f"{domain}.qcow2"
        directory = place.path / domain
        self.socket = place.path / f"{domain}.qmp.sock" if bare.exists() else directory / "qmp.sock"
        self.process = self.qmp = None

    def disk_options(self, target, path):
        form = path.suffix[1:] or "raw"
        if self.how == "drive":
            return ["-drive", f"file={path},if=none,id={target},format={form}{self.drive_options}",
                    "-device", f"virtio-blk-pci,drive={target}{self.device_options}"]
        protocol = "host_device" if path.is_block_device() else "file"
        node = {"driver": form, "node-name": target, "discard": "unmap",
                "file": {"driver": protocol, "filename": str(path)}}
        return ["-blockdev", json.dumps(node),
                "-device", f"virtio-blk-pci,drive={target},id=device-{target}{self.device_options}"]

    def start(self, paused=False, socket_for_store=True, **other_disks):
        disks = {**self.place.disks[self.domain], **other_disks}
        words = ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults", "-display", "none", "-m", "16",
                 "-qmp", f"unix:{self.work / 'ours.sock'},server=on,wait=off"]
        if socket_for_store:
            words += ["-qmp", f"unix:{self.socket},server=on,wait=off"]
        for target, path in disks.items():
            words += self.disk_options(target, path)
        words += ["-S"] if paused else []
        # It shall see that a file must not grow, and not die of that.
        self.process = subprocess.Popen([*words, *self.options], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, restore_signals=False,
                                        stderr=open(self.work / "qemu.log", "ab"))
        self.qmp = Qmp(self.work / "ours.sock", self.process)
        return self

    # ---- its disks

    def name_of(self, target):
        """Of its block device, for qemu-io."""
        return target if self.how == "drive" else f"-d device-{target}/virtio-backend"

    def say(self, line):
        return self.qmp.ask("human-monitor-command", command_line=line)

    def io(self, target, command):
        """What qemu-io has to say goes to QEMU's own output, mistakes too: writes are read back."""
        said = self.say(f'qemu-io {self.name_of(target)} "{command}"')
        if re.search("rror|failed|not found", said):
            raise Failed(f"{command}: {said.strip()}")

    def write(self, target, pieces):
        """Acknowledged and durable."""
        for offset, length, byte in pieces:
            self.io(target, f"write -q -P {byte} {offset} {length}")
        self.io(target, "flush")

    def node_of(self, target):
        """Of the image that its block device has topmost."""
        for device in self.qmp.ask("query-blockstats"):
            if target in (device["device"], device.get("qdev", "").split("/")[2:3] and
                          device["qdev"].split("/")[-2].replace("device-", "")):
                return device["node-name"]
        raise Failed(f"there is no device {target}")

    def bytes(self, target):
        """What a guest would read now."""
        address = {"type": "unix", "data": {"path": str(self.work / "nbd.sock")}}
        self.qmp.ask("nbd-server-start", addr=address)
        try:
            self.qmp.ask("block-export-add", type="nbd", id="look", name="look",
                         node_name=self.node_of(target))
            url = f"nbd+unix:///look?socket={self.work / 'nbd.sock'}"
            run("qemu-img", "convert", "-f", "raw", "-O", "raw", url, self.work / "bytes")
        finally:
            self.qmp.ask("nbd-server-stop")
        return (self.work / "bytes").read_bytes()

    def jobs(self):
        return self.qmp.ask("query-jobs")

    # ---- its state

    def status(self):
        return self.qmp.ask("query-status")["status"]

    def expect(self, status):
        if self.status() != status:
            raise Failed(f"the machine is {self.status()}, not {status}")

    def files(self):
        """target -> inode of the file that its block device has topmost."""
        found = {}
        nodes = {node["node-name"]: node["file"]
                 for node in self.qmp.ask("query-named-block-nodes", flat=True)}
        for device in self.qmp.ask("query-blockstats"):
            name = device["device"] or re.search(r"device-(\w+)", device.get("qdev", "")).group(1)
            found[name] = os.stat(nodes[device["parent"]["node-name"]]).st_ino
        return found

    # ---- its end

    def stop(self):
        if self.process and self.process.poll() is None:
            try:
                self.qmp.ask("quit")
            except (Failed, OSError):
                self.process.kill()
            self.process.wait(PATIENCE)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
