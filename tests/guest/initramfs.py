"""What a guest boots from: an archive of files, the kernel's modules and the host's programs in it."""
import os
import pathlib
import re
import stat

from packages import say

# As on every Debian: a program is at one place, whichever way it is called.
MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


def modules_of(root, wanted):
    """Those that are wanted and those that they need, in the order in which they are loaded: name to content."""
    files = {file.stem.replace("-", "_"): file for file in (root / "lib/modules").rglob("*.ko")}
    order = {}

    def add(name):
        data = files[name].read_bytes()
        for needed in re.search(rb"\x00depends=([^\x00]*)\x00", data).group(1).decode().split(","):
            if needed and needed.replace("-", "_") not in order:
                add(needed.replace("-", "_"))
        order[name] = data

    for name in wanted:
        if name not in order:
            add(name)
    return order


def libraries_of(program, root=None):
    """What the loader would load for it, and the loader; those below root before the host's."""
    places = [f"{root}/{place}/x86_64-linux-gnu" for place in ("lib", "usr/lib")] if root else []
    answer = say(["ldd", program], env={**os.environ, "LD_LIBRARY_PATH": ":".join(places)})
    missing = re.findall(r"(\S+) => not found", answer)
    if missing:
        raise SystemExit(f"{program} needs libraries that are not installed: {' '.join(missing)}")
    return re.findall(r"(/\S+) \(0x", answer)


def is_program(path):
    """Whether the loader has to do with it."""
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Archive:
    """A cpio archive in the format that the kernel takes ("newc")."""

    def __init__(self, merged=False):
        self.data = bytearray()
        self.names = set()
        self.merged = MERGED if merged else {}
        for name, target in self.merged.items():
            self.add(target, stat.S_IFDIR | 0o755)
            self.put(name, stat.S_IFLNK | 0o777, target.encode())

    def put(self, name, mode, content):
        self.names.add(name)
        fields = [len(self.names), mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0]
        self.data += b"070701" + "".join(f"{field:08X}" for field in fields).encode()
        self.data += name.encode() + b"\0"
        self.pad()
        self.data += content
        self.pad()

    def add(self, name, mode, content=b""):
        first, slash, rest = name.partition("/")
        if slash and first in self.merged:
            name = f"{self.merged[first]}/{rest}"
        parent = name.rpartition("/")[0]
        if parent and parent not in self.names:
            self.add(parent, stat.S_IFDIR | 0o755)
        if name not in self.names:
            self.put(name, mode, content)

    def pad(self):
        self.data += bytes(-len(self.data) % 4)

    def add_directory(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def add_file(self, name, content, mode=0o755):
        self.add(name, stat.S_IFREG | mode, content)

    def add_modules(self, modules):
        for name, content in modules.items():
            self.add_file(f"modules/{name}.ko", content, 0o644)
        order = "".join(f"{name}.ko\n" for name in modules)
        self.add_file("modules/order", order.encode(), 0o644)

    def add_path(self, path, name):
        """A file or a symbolic link of the host, or a directory by itself."""
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            self.add(name, found.st_mode, os.readlink(path).encode())
        elif stat.S_ISREG(found.st_mode):
            self.add(name, found.st_mode, pathlib.Path(path).read_bytes())
        elif stat.S_ISDIR(found.st_mode):
            self.add_directory(name)

    def add_tree(self, top, root, left_out=()):
        """All that is below top, named as it is below root, without what has one of these in its path."""
        for path in sorted(top.rglob("*")):
            name = str(path.relative_to(root))
            if not any(part in f"/{name}/" for part in left_out):
                self.add_path(path, name)

    def add_libraries(self, program, root=None):
        for library in libraries_of(program, root):
            below = root and library.startswith(f"{root}/")
            name = str(pathlib.Path(library).relative_to(root)) if below else library.lstrip("/")
            self.add_file(name, pathlib.Path(library).read_bytes())

    def add_program(self, path, name=None, root=None):
        """With the libraries that it needs; it stays where it is when it has no other name."""
        self.add_file(name or str(path).lstrip("/"), pathlib.Path(path).read_bytes())
        if is_program(path):
            self.add_libraries(path, root)

    def finish(self):
        self.put("TRAILER!!!", 0, b"")
        return bytes(self.data)
