"""Debian packages that are downloaded and unpacked below a directory, and not installed: what belongs in a
guest would do harm on the host (a kernel makes an initramfs, an agent waits for its port)."""
import contextlib
import re
import shutil
import subprocess

LIMIT = 600  # seconds for everything that is downloaded


def say(command, limit=LIMIT, **more):
    """What the command prints; when it fails, what it complained of ends this program."""
    answer = subprocess.run(command, check=False, capture_output=True, text=True, timeout=limit, **more)
    if answer.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {answer.stderr}")
    return answer.stdout


class Apt:
    """Where packages come from: this machine's sources."""

    options = []

    def update(self):
        say(["apt-get", *self.options, "update", "-qq"])

    def needed_by(self, package, pattern):
        """The first package that it depends on and that the pattern matches."""
        answer = say(["apt-cache", *self.options, "depends", package])
        found = re.search(rf"Depends: ({pattern})", answer)
        if not found:
            raise SystemExit(f"apt does not know which {pattern} {package} needs")
        return found.group(1)

    def download_known(self, directory, packages):
        """Those that apt knew of when it last asked."""
        names = [package(self) if callable(package) else package for package in packages]
        say(["sh", "-c", 'cd "$0" && exec apt-get "$@"', directory, *self.options, "download", "-qq", *names])

    def download(self, directory, packages):
        with contextlib.suppress(SystemExit):
            return self.download_known(directory, packages)
        self.update()
        return self.download_known(directory, packages)

    def unpack(self, root, packages):
        """The directory `root`, with the packages in it: names, or functions of this that tell one."""
        unfinished, debs = root.with_suffix(".t"), root.with_suffix(".debs")
        if root.exists():
            return root
        for left in (unfinished, debs):
            shutil.rmtree(left, ignore_errors=True)
        debs.mkdir(parents=True)
        self.download(debs, packages)
        for deb in debs.glob("*.deb"):
            say(["dpkg", "-x", deb, unfinished])
        shutil.rmtree(debs)
        unfinished.rename(root)
        return root


class AptWithContrib(Apt):
    """This machine's Debian sources and their component "contrib"; the machine's own lists stay as they are."""

    def __init__(self, directory):
        self.directory = directory
        self.options = ["-o", f"Dir::Etc::SourceList={directory}/sources.list",
                        "-o", "Dir::Etc::SourceParts=/dev/null", "-o", f"Dir::State::Lists={directory}/lists",
                        "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache="]

    def update(self):
        present = say(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(SITE) $(RELEASE)",
                       "Created-By: Packages"])
        sources = re.findall(r"^Debian\|main\|(.*)$", present, re.MULTILINE)
        (self.directory / "lists/partial").mkdir(parents=True, exist_ok=True)
        (self.directory / "sources.list").write_text(
            "".join(f"deb {source} main contrib\n" for source in sources), encoding="utf-8")
        super().update()

    def download(self, directory, packages):
        self.update()
        return self.download_known(directory, packages)


def kernel(apt):
    """The package that the present kernel for clouds is in: small, and with all that virtual machines have."""
    return apt.needed_by("linux-image-cloud-amd64", r"linux-image-\S+")
