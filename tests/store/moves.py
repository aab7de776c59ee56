"""Operations as data: how one is asked of the driver and of the model, and random ones."""
import dataclasses
import xml.sax.saxutils

MODES = ["one", "keep-children", "force", "children-only", "metadata-only"]

# Names that once were mistaken for something else.
NAMES = ["base", "1", "2", "0", "-d", "--", "-", "a b", "a/b", "50%", "x" * 255, "ünïcødé", "head",
         "journal", "s-1", "a.new", "..", ".hidden", "current", "snap=1", "'\"&<>", "base "]


@dataclasses.dataclass(frozen=True)
class Move:
    """@verb is a method of the model's Domain, with its arguments."""

    domain: str
    verb: str
    words: tuple = ()
    options: dict = dataclasses.field(default_factory=dict)

    def on(self, domain):
        return domain.do(self.verb, *self.words, **self.options)

    def asked(self):
        """The words for the driver."""
        return [*getattr(self, f"ask_{self.verb}")(*self.words, **self.options)]

    def __str__(self):
        return " ".join(map(str, self.asked()))

    # ---- each verb as the driver wants it

    def ask_create(self, name, no_metadata=False, **options):
        yield from ("create", self.domain, f"name={name}")
        if no_metadata:
            yield "no-metadata"
        for key, value in options.items():
            yield f"{'from' if key == 'source' else key}={value}"

    def ask_create_disk(self, target, name, **options):
        yield from ("create", self.domain, f"name={name}", f"disk={target}")
        for key, value in options.items():
            yield f"{key}={value}"

    def ask_discard_disk(self, target, name):
        yield from ("discard", self.domain, name, "one", f"disk={target}")

    def ask_merge_disk(self, target, name):
        yield from ("merge", self.domain, name, "children", f"disk={target}")

    def ask_hold_disk(self, target, name, held):
        yield from ("hold", self.domain, name, str(int(held)), f"disk={target}")

    def ask_rename_disk(self, target, name, new):
        yield from ("rename", self.domain, name, new, f"disk={target}")

    def ask_redefine(self, name, parent=None, description="", current=False, careful=False):
        yield from ("redefine", self.domain, document(name, parent, description))
        if current:
            yield "current"
        if careful:
            yield "careful"

    def ask_discard(self, name, mode="one"):
        yield from ("discard", self.domain, name, mode)

    def ask_merge(self, name, into, force=False):
        yield from ("merge", self.domain, name, into)
        if force:
            yield "force"

    def ask_revert(self, name, save=None):
        yield from ("revert", self.domain, name)
        if save is not None:
            yield f"save={save}"

    def ask_make_current(self, name=None):
        yield from ("current", self.domain)
        if name is not None:
            yield name

    def ask_hold(self, name, held):
        yield from ("hold", self.domain, name, str(int(held)))

    def ask_describe(self, name, text):
        yield from ("describe", self.domain, name, text)

    def ask_rename(self, name, new):
        yield from ("rename", self.domain, name, new)


def document(name, parent, description):
    def element(tag, text):
        return f"<{tag}>{xml.sax.saxutils.escape(text)}</{tag}>" if text else ""

    return (
        f"<domainsnapshot>{element('name', name)}{element('description', description)}"
        f"<state>shutoff</state><creationTime>1272917631</creationTime>"
        f"{'<parent>' + element('name', parent) + '</parent>' if parent else ''}</domainsnapshot>"
    )


class Mover:
    """Makes moves up, most of which can succeed."""

    MOST = 9  # snapshots of one domain

    def __init__(self, random):
        self.random = random

    def pick(self, domain):
        """The name of a snapshot, seldom of none."""
        if not domain.snapshots or self.random.random() < 0.02:
            return self.random.choice(NAMES)
        return self.random.choice(sorted(domain.snapshots))

    def name(self, domain):
        """A name that is free, mostly."""
        free = [name for name in NAMES if name not in domain.snapshots]
        return self.random.choice(free if self.random.random() < 0.95 else NAMES)

    def move(self, name, domain):
        many = len(domain.snapshots) >= self.MOST
        weights = {
            self.create: 2 if many else 30, self.discard: 40 if many else 18, self.merge: 16,
            self.revert: 14, self.make_current: 4, self.hold: 4, self.let_go: 4, self.describe: 3,
            self.rename: 6, self.redefine: 5,
            self.create_disk: 1 if len(domain.beside) >= self.MOST else 10, self.discard_disk: 7,
            self.merge_disk: 4, self.hold_disk: 3, self.rename_disk: 2,
        }
        make = self.random.choices(list(weights), list(weights.values()))[0]
        verb, *words = make(domain)
        options = words.pop() if words and isinstance(words[-1], dict) else {}
        return Move(name, verb, tuple(words), options)

    def create(self, domain):
        options = {}
        kind = self.random.random()
        if kind < 0.15:
            options["parent"] = self.pick(domain)
        elif kind < 0.3:
            options["source"] = self.pick(domain)
        elif kind < 0.35:
            options["under"] = self.random.choice(["", self.pick(domain), domain.current or ""])
        elif kind < 0.38:
            options["no_metadata"] = True
        elif kind < 0.45:
            options["compress"] = self.random.choice(["zlib", "zstd"])
        elif domain.either:
            options["method"] = self.random.choice(["qemu", "btrfs"])
        if self.random.random() < 0.3:
            options["description"] = self.random.choice(["two words", "zwei\nZeilen", "ü"])
        return "create", self.name(domain), options

    def discard(self, domain):
        return "discard", self.pick(domain), self.random.choice(MODES)

    def merge(self, domain):
        return ("merge", self.pick(domain), self.random.choice(["parent", "parent", "children"]),
                {"force": self.random.random() < 0.4})

    def revert(self, domain):
        if self.random.random() < 0.3 and len(domain.snapshots) < self.MOST:
            return "revert", self.pick(domain), {"save": self.name(domain)}
        return "revert", self.pick(domain)

    def make_current(self, domain):
        return "make_current", None if self.random.random() < 0.3 else self.pick(domain)

    def hold(self, domain):
        return "hold", self.pick(domain), True

    def let_go(self, domain):
        held = [name for name, one in domain.snapshots.items() if one.held]
        return "hold", self.random.choice(held) if held else self.pick(domain), False

    def describe(self, domain):
        return "describe", self.pick(domain), self.random.choice(["", "words", "<&>", "50%"])

    def rename(self, domain):
        return "rename", self.pick(domain), self.name(domain)

    def redefine(self, domain):
        new = self.random.random() < 0.4 and len(domain.snapshots) < self.MOST
        options = {"description": self.random.choice(["", "redefined"])}
        if self.random.random() < 0.7:
            options["parent"] = self.pick(domain)
        if self.random.random() < 0.2:
            options["current"] = True
        if self.random.random() < 0.2:
            options["careful"] = True
        return "redefine", self.name(domain) if new else self.pick(domain), options

    def pick_disk(self, domain):
        """The target and the name of one of a single disk, seldom of none."""
        if not domain.beside or self.random.random() < 0.02:
            return self.random.choice(sorted(domain.disks)), self.random.choice(NAMES)
        return self.random.choice(sorted(domain.beside))

    def create_disk(self, domain):
        options = {}
        if self.random.random() < 0.15:
            options["compress"] = self.random.choice(["zlib", "zstd"])
        elif domain.either:
            options["method"] = self.random.choice(["qemu", "btrfs"])
        return ("create_disk", self.random.choice(sorted(domain.disks)), self.random.choice(NAMES),
                options)

    def discard_disk(self, domain):
        return "discard_disk", *self.pick_disk(domain)

    def merge_disk(self, domain):
        return "merge_disk", *self.pick_disk(domain)

    def hold_disk(self, domain):
        held = [key for key, one in domain.beside.items() if one.held]
        if held and self.random.random() < 0.7:
            return "hold_disk", *self.random.choice(held), False
        return "hold_disk", *self.pick_disk(domain), True

    def rename_disk(self, domain):
        return "rename_disk", *self.pick_disk(domain), self.random.choice(NAMES)

    def pieces(self, size, most=3):
        """What a machine writes."""
        for _ in range(self.random.randint(1, most)):
            length = self.random.choice([512, 4096, 65536, 100 * 1024, 200 * 1024])
            offset = self.random.randrange(0, (size - length) // 512) * 512
            yield offset, length, self.random.randrange(256)
