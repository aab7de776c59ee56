"""What calls on a domain mean one after the other, by design.md sections 2 and 3.

A domain is a tree of named snapshots, each with a parent and a content (a number: the byte that its
disk is full of), one of them or none current, and the content of the live disk. Snapshots are told
apart by the operation that made them: a name may be given away, taken back and given again.

The kernel keeps the entry of a snapshot that was discarded through a control file until it is told,
soon afterwards. Until then such a name (`kept`) may seem to be taken, or, when another snapshot has
got it through control/create, to lead nowhere. Only names that change this way may: mkdir, rmdir and
rename the kernel sees.

Nothing comes from backend/ or from tests/store: who checks should not copy who is checked. Each
function gives (errors, after): with errors the call must fail with one of them and nothing happens;
without, it must succeed and the domain is `after`.
"""
import typing

GONE = {"ENOENT", "ESTALE"}


class Snapshot(typing.NamedTuple):
    made_by: int
    name: str
    parent: typing.Optional[int]  # its made_by
    content: int


class Domain(typing.NamedTuple):
    live: int = 0
    current: typing.Optional[int] = None
    snapshots: frozenset = frozenset()
    kept: frozenset = frozenset()  # of names

    # ---- looking

    def find(self, made_by):
        return next((one for one in self.snapshots if one.made_by == made_by), None)

    def named(self, name):
        return next((one for one in self.snapshots if one.name == name), None)

    def children(self, one):
        return [other for other in self.snapshots if other.parent == one.made_by]

    def below(self, one):
        found = []
        for child in self.children(one):
            found += [child, *self.below(child)]
        return found

    def path(self, made_by):
        """As the link `current` has it; None: there is none."""
        names = []
        while made_by is not None:
            one = self.find(made_by)
            names.insert(0, one.name)
            made_by = one.parent
        return "/".join(names) or None

    # ---- changing

    def changed(self, one, **changes):
        return self._replace(snapshots=self.snapshots - {one} | {one._replace(**changes)})

    def adopted(self, children, parent):
        moved = {child._replace(parent=parent) for child in children}
        return self._replace(snapshots=self.snapshots - set(children) | moved)

    def without(self, gone, heir):
        current = heir if self.current in {one.made_by for one in gone} else self.current
        return self._replace(snapshots=self.snapshots - set(gone), current=current,
                             kept=self.kept | {one.name for one in gone})

    def seen(self, name):
        """By the kernel, as it is now."""
        return self._replace(kept=self.kept - {name})


def refused(*errors):
    return set(errors), None


def done(domain):
    return set(), domain


# ---- taking and going back

def create(domain, operation, bound, name, how="here"):
    """@how: here, by mkdir; root, by mkdir where there must be no current one; parent and from, as
    control/create has it; save."""
    errors = set()
    if domain.named(name):
        errors.add("EEXIST")
    if how == "root" and domain.current is not None:
        errors.add("EOPNOTSUPP")
    if how in ("parent", "from") and domain.find(bound) is None:
        errors |= GONE
    if errors:
        return refused(*errors)
    if how == "from":
        copy = Snapshot(operation, name, bound, domain.find(bound).content)
        return done(domain._replace(snapshots=domain.snapshots | {copy}))
    parent = bound if how == "parent" else domain.current
    new = Snapshot(operation, name, parent, domain.live)
    if how == "here":
        domain = domain.seen(name)
    return done(domain._replace(snapshots=domain.snapshots | {new}, current=operation))


def revert(domain, operation, bound, save=None):
    one = domain.find(bound)
    errors = set() if one else set(GONE)
    if save is not None and domain.named(save):
        errors.add("EEXIST")
    if errors:
        return refused(*errors)
    if save is not None:
        _, domain = create(domain, operation, None, save, "save")
    return done(domain._replace(live=one.content, current=bound))


def current(domain, operation, bound, wanted):
    if wanted == "1":
        return done(domain._replace(current=bound)) if domain.find(bound) else refused(*GONE)
    if domain.current == bound:
        return done(domain._replace(current=None))
    # What is gone is not current either.
    return refused("EINVAL") if domain.find(bound) else refused("EINVAL", *GONE)


def write(domain, operation, bound, content):
    """What a machine does."""
    return done(domain._replace(live=content))


# ---- going away

def rmdir(domain, operation, bound):
    errors, after = discard(domain, operation, bound, "1")
    return errors, after and after.seen(domain.find(bound).name)


def discard(domain, operation, bound, words):
    one = domain.find(bound)
    if one is None:
        return refused(*GONE)
    if words == "children-only":
        return done(domain.without(domain.below(one), bound))
    if words == "force":
        return done(domain.without([one, *domain.below(one)], one.parent))
    if words == "keep-children":
        return done(domain.adopted(domain.children(one), one.parent).without([one], one.parent))
    if domain.children(one):
        return refused("ENOTEMPTY")
    return done(domain.without([one], one.parent))


def merge(domain, operation, bound, words):
    one = domain.find(bound)
    if one is None:
        return refused(*GONE)
    children = domain.children(one)
    if "children" in words:
        return discard(domain, operation, bound, "keep-children") if children else refused("EINVAL")
    if one.parent is None:
        if not children and domain.current != bound:
            return refused("EINVAL")
        return done(domain.adopted(children, None).without([one], None))
    return merge_into_parent(domain, one, "force" in words)


def merge_into_parent(domain, one, force):
    parent = domain.find(one.parent)
    branches = []
    for sibling in domain.children(parent):
        if sibling != one:
            branches += [sibling, *domain.below(sibling)]
    if branches and not force:
        return refused("ENOTEMPTY")
    domain = domain.adopted(domain.children(one), parent.made_by)
    domain = domain.without([one, *branches], parent.made_by)
    return done(domain.changed(parent, content=one.content))


# ---- naming

def rename(domain, operation, bound, name):
    errors = set() if domain.find(bound) else set(GONE)
    if domain.named(name):
        errors.add("EEXIST")
    if errors:
        return refused(*errors)
    return done(domain.changed(domain.find(bound), name=name).seen(name))


CHANGES = {function.__name__: function
           for function in (create, revert, current, write, rmdir, discard, merge, rename)}


# ---- what reading shows

def info(domain, one):
    parent = domain.find(one.parent) if one.parent is not None else None
    return {
        "name": one.name,
        "current": "yes" if domain.current == one.made_by else "no",
        "parent": parent.name if parent else None,
        "children": len(domain.children(one)),
        "descendants": len(domain.below(one)),
    }


def shown(domain, what, bound):
    """What a reader of @what sees; None: the snapshot is gone."""
    if what == "names":
        return sorted(one.name for one in domain.snapshots)
    if what == "domain":
        return {"current": domain.path(domain.current), "snapshots": len(domain.snapshots)}
    if what == "current":
        return [domain.path(domain.current)]
    if what == "live":
        return [domain.live]
    one = domain.find(bound)
    if what == "own":
        return one is not None
    if one is None:
        return None
    return {"here": True, "content": [one.content], "info": info(domain, one)}[what]
