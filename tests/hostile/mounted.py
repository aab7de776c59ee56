"""The same images in a store that is mounted, with strace looking at the daemon."""
import errno
import os
import pathlib
import subprocess
import time

import traced

PATIENCE = 60  # seconds until something hangs


class Failed(Exception):
    pass


def possible():
    return os.access("/dev/fuse", os.R_OK | os.W_OK)


def wait_until(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {PATIENCE} seconds")
        time.sleep(0.02)


class Mount:
    """A daemon, from entering to leaving."""

    def __init__(self, store, name):
        self.store = store
        self.point = store.parent / f"mnt-{name}"
        self.log = store.parent / f"trace-{name}"

    def __enter__(self):
        self.point.mkdir()
        self.daemon = subprocess.Popen(
            [*traced.strace(self.log), os.environ["VMSNAPFS"], "-f", self.store, self.point],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=traced.ENVIRONMENT,
        )
        wait_until(self.is_settled, "mounting")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.point], check=False)
        try:
            self.daemon.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()

    def is_settled(self):
        return os.path.ismount(self.point) or self.daemon.poll() is not None

    def opened(self):
        """What the daemon used that is not its store, once it has ended."""
        paths = traced.outside(traced.used(self.log), str(self.store))
        return {path.replace(str(self.point), "MOUNT") for path in paths}

    # ---- what must hold

    def list(self):
        listed = subprocess.run(
            ["ls", "-R", self.point], capture_output=True, check=False, timeout=PATIENCE
        )
        if listed.returncode != 0:
            raise Failed(listed.stderr.decode(errors="replace")[:400])

    def check(self, case):
        domain = self.point / pathlib.Path(case.file).stem
        disk = domain / ("before" if case.snapshot else "") / "disks" / "vda.raw"
        if not domain.is_dir() and not case.special:
            raise Failed("there is no such domain")
        try:
            fd = os.open(disk, os.O_RDONLY)
        except OSError as wrong:
            if case.opens:
                raise Failed(f"cannot be opened: {wrong.strerror}") from None
            return
        try:
            if not case.opens:
                raise Failed("can be opened")
            self.check_bytes(fd, case)
        finally:
            os.close(fd)

    @staticmethod
    def check_bytes(fd, case):
        for offset, data in case.reads:
            try:
                if os.pread(fd, len(data), offset) != data:
                    raise Failed(f"{len(data)} bytes at {offset} are others")
            except OSError as wrong:
                raise Failed(f"{len(data)} bytes at {offset}: {wrong.strerror}") from None
        for offset, length in case.fails:
            try:
                os.pread(fd, length, offset)
            except OSError as wrong:
                if wrong.errno != errno.EIO:
                    raise Failed(f"{wrong.strerror} instead of EIO") from None
            else:
                raise Failed(f"{length} bytes at {offset} can be read")

    def check_alive(self):
        if self.daemon.poll() is not None or not os.listdir(self.point):
            raise Failed(f"the daemon ended with {self.daemon.returncode}")


def check_nothing_outside(mount, place):
    """Compared with a daemon whose store has a sound image, and one that lacks its backing file."""
    with Mount(place.sound, "sound") as sound:
        sound.list()
        lost = sound.point / "lost" / "disks" / "vda.raw"
        subprocess.run(["cat", lost], capture_output=True, check=False)
        sound.check(place.sound_case)
    if str(place.parts / "sound") not in traced.used(mount.log):
        raise Failed("strace shows nothing")
    foreign = mount.opened() - sound.opened()
    if foreign:
        raise Failed(f"opened {', '.join(sorted(foreign))}")
