"""System calls that are made to fail, by strace's injection."""
import collections
import re

from driver import Died, Driver
from place import Failed

# What each call can fail with. A failing write would hang qemu-img, whose event wake-up it is.
ERRORS = {
    "openat": ["ENOSPC", "EIO", "EMFILE"],
    "write": ["ENOSPC", "EIO"],
    "pwrite64": ["ENOSPC", "EIO"],
    "ftruncate": ["ENOSPC", "EIO"],
    "fallocate": ["ENOSPC", "EIO"],
    "copy_file_range": ["ENOSPC", "EIO"],
    "fsync": ["ENOSPC", "EIO"],
    "fdatasync": ["ENOSPC", "EIO"],
    "fchmod": ["EIO"],
    "fchmodat": ["EIO"],
    "fchown": ["EIO"],
    "fgetxattr": ["EIO"],
    "linkat": ["ENOSPC", "EIO"],
    "renameat": ["ENOSPC", "EIO"],
    "unlinkat": ["EIO"],
    "mkdirat": ["ENOSPC", "EIO"],
    "newfstatat": ["EIO"],
    "pread64": ["EIO"],
    "getdents64": ["EIO"],
    "pipe2": ["EMFILE"],
    "clone": ["EAGAIN", "ENOMEM"],
}
ONLY_OURS = {"write", "clone"}  # the main thread's
NOT_STARTED = "error while loading shared libraries"  # it never was a process of ours

Failure = collections.namedtuple("Failure", "call error number")


def strace(call, log, *options):
    ours = [] if call in ONLY_OURS else ["-f"]
    return ["strace", *ours, "-qq", "-o", log, "-e", f"trace={call}", "-e", "signal=none", *options]


def counted(log):
    """What the driver is wrapped in so that failures_in() can tell from @log what can fail."""
    return ["strace", "-f", "-qq", "-o", log, "-e", f"trace={','.join(ERRORS)}", "-e", "signal=none"]


def failures_in(log):
    """Every way in which a call can fail; each call as often as one thread made it at most."""
    most = collections.Counter()
    made = re.findall(r"^(\d+) +(\w+)\(", log.read_text(errors="replace"), re.MULTILINE)
    for (_, call), count in collections.Counter(made).items():
        most[call] = max(most[call], count)
    return [Failure(call, error, number)
            for call, count in sorted(most.items()) for error in ERRORS[call]
            for number in range(1, count + 1)]


def injected(failure, log):
    """What the driver is wrapped in so that the call fails; @log says whether it did."""
    what = f"inject={failure.call}:error={failure.error}:when={failure.number}"
    return strace(failure.call, log, "-e", what)


def was_injected(log):
    return "(INJECTED)" in log.read_text(errors="replace")


def answer_was_lost(log):
    """The call that failed was that of the answer itself."""
    return log.exists() and re.search(r"^[\d ]*write\(1, .*INJECTED", log.read_text("utf-8"), re.MULTILINE)


def ask_patiently(place, words, wrapped_in, work, afterwards=lambda: None):
    """What a driver answers, which must live; that the store does not open at all is an answer too. None:
    the answer is what failed. Its complaints go to @work/stderr, and strace's log is @work/strace."""
    driver = Driver(place, wrapped_in, work / "stderr")
    answer = None
    try:
        answer = driver.answer()
        if answer[0] != "ok":
            return answer
        driver.send(*words)
        answer = None
        answer = driver.answer()
        afterwards()
        driver.end()
    except Died:
        said = (work / "stderr").read_text()
        if not re.search(NOT_STARTED, said) and not answer_was_lost(work / "strace"):
            raise Failed(f"it died: {said[-500:]}") from None
    finally:
        driver.dismiss()
    return answer
