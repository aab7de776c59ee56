"""File systems in files, mounted below a directory of the test's, and their power cut."""
import contextlib
import fcntl
import os
import struct
import subprocess
import time

from place import Failed, run

GOINGDOWN = 0x8004587D  # _IOR('X', 125, __u32), of xfs and of ext4
NO_LOG_FLUSH = 2
SIZES = {"ext4": 32 << 20, "xfs": 300 << 20, "btrfs": 256 << 20}  # the latter can hardly be smaller
CLONING = ["xfs", "btrfs"]


def possible():
    """Whether we may mount, in a sentence why not; None: we may."""
    if os.geteuid() != 0:
        return "only root can mount"
    if not os.path.exists("/dev/loop-control"):
        return "there are no loop devices"
    return None


class Loop:
    """Mounted from the start; a context that leaves nothing behind."""

    def __init__(self, work, kind, size=None):
        self.kind = kind
        self.image = work / f"{kind}.image"
        self.taken = work / f"{kind}.taken"
        self.path = work / f"{kind}.mounted"
        self.path.mkdir(parents=True)
        with open(self.image, "wb") as file:
            file.truncate(size or SIZES[kind])
        run(f"mkfs.{kind}", "-q", *(["-m", "0"] if kind == "ext4" else []), self.image)

    def __enter__(self):
        self.mount()
        return self

    def __exit__(self, *_):
        with contextlib.suppress(Failed):
            self.unmount()
        subprocess.run(["umount", "-q", "-l", self.path], check=False)
        self.image.unlink()
        self.taken.unlink(missing_ok=True)

    def mount(self):
        run("mount", "-o", "loop", "-t", self.kind, self.image, self.path)

    def unmount(self):
        """Somebody may still be on the way out of it."""
        end = time.monotonic() + 20
        while True:
            try:
                run("umount", self.path)
                return
            except Failed:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def sync(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(fd)
            run("sync", "-f", self.path)
        finally:
            os.close(fd)

    def cut(self):
        """From now on nothing reaches the disk, not even what the log has in memory. btrfs does not know
        that, so its disk is taken away as it is now."""
        if self.kind == "btrfs":
            self.take()
            return
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, GOINGDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def take(self):
        """A copy that took its time is of one moment if nothing was written since it began."""
        for _ in range(100):
            run("cp", "--sparse=always", self.image, self.taken)
            if subprocess.run(["cmp", "-s", self.image, self.taken], check=False).returncode == 0:
                return
        raise Failed(f"{self.image} is written to all the time")

    def wait_until_free(self):
        """btrfs does not take two disks with one name for two."""
        end = time.monotonic() + 20
        while run("losetup", "-n", "-O", "NAME", "-j", self.image):
            if time.monotonic() > end:
                raise Failed(f"{self.image} is in use")
            time.sleep(0.01)

    def power_on(self):
        """Whoever has a copy of all mounts (unshare) for a moment keeps what was cut: then mounting
        gives the same again."""
        end = time.monotonic() + 20
        while True:
            self.unmount()
            if self.taken.exists():
                self.wait_until_free()
                self.taken.rename(self.image)
            self.mount()
            if self.is_on() or time.monotonic() > end:
                return
            time.sleep(0.01)

    def is_on(self):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(fd)
            return True
        except OSError:
            return False
        finally:
            os.close(fd)

    def check_cut(self):
        """That it is one: what was synced is there afterwards, and what was not is gone."""
        for name in ("synced", "unsynced"):
            with open(self.path / name, "wb") as file:
                file.write(b"x" * 5000)
                if name == "synced":
                    file.flush()
                    os.fsync(file.fileno())
                    self.sync()
        self.cut()
        self.power_on()
        if not (self.path / "synced").exists() or (self.path / "unsynced").exists():
            raise Failed(f"the power of {self.kind} is not cut")
        (self.path / "synced").unlink()
