"""Which files a program opens, as strace sees it.

What a program opens in any case (libraries, locales, /proc and the like) is learned from one that
does nothing; all else must lie below the store.
"""
import os
import re
import resource
import subprocess

QUIET = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_WRONLY, 0) for fd in (1, 2)]
CALLS = "trace=open,openat,openat2,open_by_handle_at,creat,execve,connect"

# How strace -f -y shows a call that gave a descriptor: what that is of is at the end. One that was
# interrupted by another thread's has two lines.
OPENED = re.compile(r"\b(?:open|openat|openat2|open_by_handle_at|creat)(?:\(| resumed).* = \d+<(.*)>$")
CONNECTED = re.compile(r"\bconnect\(\d+<[^>]*>, (.*?)(?:\) = | <unfinished)")
EXECUTED = re.compile(r'\bexecve\("([^"]*)"')

# Of processes and threads; the last is what ThreadSanitizer makes for itself.
NUMBERS = re.compile(r"(/proc/|/task/|/tsan\.rodata\.)\d+")

# A leak checker that is traced itself cannot work.
ENVIRONMENT = {
    **os.environ,
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",
    "LSAN_OPTIONS": os.environ.get("LSAN_OPTIONS", "") + ":detect_leaks=0",
}


def allow_descriptors(count):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, most), most))


def strace(log):
    return ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", CALLS, "-e", "signal=none", "-o", log]


def used(log):
    """What was opened, connected to and started, without numbers of processes and threads."""
    found = set()
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            for pattern in (OPENED, CONNECTED, EXECUTED):
                match = pattern.search(line.rstrip())
                if match:
                    found.add(NUMBERS.sub(r"\1N", match.group(1)))
    return found


def outside(paths, store):
    return sorted(path for path in paths if path != store and not path.startswith(store + "/"))


usual = {}  # by program


def trace(command, log):
    subprocess.run(
        [*strace(log), *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
        check=False,
        timeout=60,
    )
    return used(log)


def opened_outside(image, command):
    """What `command` opened that is not beside `image` or below, nor opened in any case."""
    store = os.path.dirname(image)
    log = os.path.join(os.path.dirname(store), "trace")
    if command[0] not in usual:
        usual[command[0]] = trace([command[0], "cat", os.path.join(store, "missing")], log)
        assert any("libc" in path for path in usual[command[0]]), "strace shows nothing"
    return [path for path in outside(trace(command, log), store) if path not in usual[command[0]]]
