"""Who stands between the store and QEMU: passes on what both say, until it is told not to."""
import os
import select
import socket
import threading

MODES = ["lost", "unanswered", "killed", "killed unanswered"]


class Between:
    """Listens at @path. At the command number @number, or the one with these bytes in it, it breaks the connection: before it passed it
    on ("lost") or before it passes on the answer ("unanswered"), and may kill the machine at that.
    It has the disks open, as QEMU has."""

    def __init__(self, path, machine, number=0, mode="lost"):
        self.path, self.machine, self.number, self.mode = path, machine, number, mode
        self.commands = []
        self.times = 1  # so often it breaks
        self.armed = True  # else it only passes on
        self.alter = lambda command: command  # what is passed on instead
        self.said = []  # all commands, as they were passed on
        self.deaf = False  # whether nobody is passed on once it is broken
        self.disks = []
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(str(path))
        self.listening.listen(1)
        self.ending, self.end = os.pipe()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    @property
    def broken(self):
        return self.times == 0

    def serve(self):
        while True:
            ready, _, _ = select.select([self.listening, self.ending], [], [])
            if self.ending in ready:
                return
            client, _ = self.listening.accept()
            if self.broken and self.deaf:
                client.close()
                continue
            self.disks += [os.open(image, os.O_RDONLY) for image in self.machine.place.files()
                           if image.suffix in (".qcow2", ".raw")]
            behind = socket.socket(socket.AF_UNIX)
            try:
                behind.connect(str(self.machine.socket))
                self.pass_on(client, behind)
            except OSError:
                pass  # the machine has ended
            client.close()
            behind.close()

    def pass_on(self, client, behind):
        """Commands come one at a time, each in one piece."""
        while True:
            ready, _, _ = select.select([client, behind, self.ending], [], [])
            if self.ending in ready:
                return
            for source, other in ((client, behind), (behind, client)):
                if source not in ready:
                    continue
                data = source.recv(1 << 20)
                if not data or self.breaks(source is client, data, behind):
                    return
                if source is client:
                    data = self.alter(data)
                    self.said.append(data)
                other.sendall(data)

    def is_meant(self):
        if isinstance(self.number, int):
            return len(self.commands) == self.number
        return self.commands and self.number in self.commands[-1]

    def breaks(self, command, data, behind):
        if not self.armed or self.broken:
            return False
        if command:
            self.commands.append(data)
        if not self.is_meant() or ("unanswered" in self.mode) == command:
            return False
        if not command and b'"return"' not in data and b'"error"' not in data:
            return False
        self.times -= 1
        if self.mode.startswith("killed"):
            self.machine.kill()
        return True

    def close(self):
        os.close(self.end)
        self.thread.join()
        os.close(self.ending)
        self.listening.close()
        for disk in self.disks:
            os.close(disk)


class Death:
    """What happens to the driver where between.py would kill the machine."""

    def __init__(self, test):
        self.place, self.domain, self.socket = test.place, test.machine.domain, test.machine.socket
        self.driver = test.driver

    def kill(self):
        self.driver.process.kill()
