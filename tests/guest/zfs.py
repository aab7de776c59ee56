"""ZFS for a guest: Debian has its source only, which is built for the guest's kernel, below a directory and with
that kernel's headers unpacked there; nothing is installed."""
import os
import pathlib
import shutil

from packages import say

LIMIT = 7200  # seconds for each half; measured: 13 minutes of processor time for both


def headers(apt):
    return apt.needed_by("linux-headers-cloud-amd64", r"linux-headers-\S+")


def common_headers(apt):
    return apt.needed_by(headers(apt), r"linux-headers-\S+-common")


def build_tools(apt):
    return apt.needed_by(headers(apt), r"linux-kbuild-\S+")


def compiler(apt):
    return apt.needed_by(headers(apt), r"linux-compiler-\S+")


SOURCES = [headers, common_headers, build_tools, compiler, "zfs-dkms"]
PROGRAMS = ["zfsutils-linux", "libnvpair3linux", "libuutil3linux", "libzfs4linux", "libzpool5linux"]


def build(root):
    """Puts the modules beside the kernel's own, in the packages that are unpacked at root."""
    places = root / "usr/src"
    objects, = (place for place in places.glob("linux-headers-*") if not place.name.endswith("-common"))
    source, = places.glob("linux-headers-*-common")
    kernel, = (root / "lib/modules").iterdir()
    built = kernel / "extra"
    if built.exists():
        return
    # These say where they would be if they were installed.
    (objects / "Makefile").write_text(f"include {source}/Makefile\n", encoding="ascii")
    work = root / "build"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(next(places.glob("zfs-*")), work)
    environment = {**os.environ, "ARCH": "x86"}
    for command in (["./configure", "-q", "--with-config=kernel", f"--with-linux={source}",
                     f"--with-linux-obj={objects}"], ["make", "-s", "-j2"]):
        say(command, LIMIT, cwd=work, env=environment)
    unfinished = pathlib.Path(f"{built}.t")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for module in (work / "module").rglob("*.ko"):
        say(["strip", "--strip-debug", "-o", unfinished / module.name, module])
    unfinished.rename(built)
    shutil.rmtree(work)
