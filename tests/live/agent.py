"""A guest agent that a test makes up: it does as it is told, or forgets that it has frozen."""
import json
import socket
import threading
import time


class Agent:
    """Serves one client after the other at `path`, until it is closed. The agent of a `machine` is silent
    while that is paused."""

    def __init__(self, path, forgets=False, machine=None):
        self.forgets, self.machine = forgets, machine
        self.when_frozen = lambda: None
        self.frozen = False
        self.froze = self.thawed = 0
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen(4)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                for line in lines:
                    if not self.answer(client, json.loads(line.lstrip(b"\xff"))):
                        break

    def answer(self, client, command):
        name, before = command["execute"], b""
        while self.machine and self.machine.status() != "running":
            time.sleep(0.05)
        if name == "guest-sync-delimited":
            before, result = b"\xff", command["arguments"]["id"]
        elif name == "guest-fsfreeze-freeze":
            self.frozen, self.froze, result = not self.forgets, self.froze + 1, 1
            self.when_frozen()
        elif name == "guest-fsfreeze-thaw":
            self.frozen, self.thawed, result = False, self.thawed + 1, 1
        else:
            result = "frozen" if self.frozen else "thawed"
        try:
            client.sendall(before + json.dumps({"return": result}).encode() + b"\n")
        except OSError:
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join(60)
