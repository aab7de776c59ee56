#!/usr/bin/env python3
"""Whether some sequential order explains what clients of one mount saw.

    explain.py HISTORY...       each a file of what one client did

An operation is one or more system calls, a call one or more steps, and each step happens in one
moment between the beginning and the end of its call: that a name is looked up ("bind": from then on
the operation means that snapshot, whatever it is called), a change ("do") or a look ("see"), which
meaning.py judges. Two steps are ordered only when the call of one ended before the other's began.

The calls of one domain are gone through by time, with all configurations that explain what was
answered so far: the domain, which steps of the calls that are under way have happened, and what
names they bound. When a call ends, its steps must have happened: every order of the pending steps
that ends with them is tried, and configurations that are equal are one. None left: nothing explains
it. (Wing and Gong, 1993; the pruning at the ends of calls is Lowe's, 2017.)

That the domain is busy is explained by whoever else used it at the time.
"""
import bisect
import collections
import heapq
import json
import sys
import typing

import meaning

LIMIT = 200000  # configurations at a time; a history of few clients stays far below
LINGER = 2000000000  # ns: a closed file is released by the kernel some time later


class Unexplained(Exception):
    """No order explains the history; the text says where, and @call is whose answer it was."""

    def __init__(self, text, call=None):
        super().__init__(text)
        self.call = call


class Call(typing.NamedTuple):
    operation: int
    first: bool  # of its operation
    last: bool
    client: int
    what: str
    start: int
    end: int
    error: typing.Optional[str]
    steps: tuple


class Progress(typing.NamedTuple):
    """Of an operation."""
    call: typing.Optional[int]  # the one under way; None: the last one is over
    step: int
    bound: typing.Optional[int]


class Configuration(typing.NamedTuple):
    domain: meaning.Domain
    under_way: tuple  # of (operation, Progress), sorted


# ---- reading histories

def freeze(value):
    return tuple(freeze(one) for one in value) if isinstance(value, list) else value


def calls_of(operation, record):
    calls = record["calls"]
    for number, call in enumerate(calls):
        yield Call(operation, number == 0, number == len(calls) - 1, record["client"],
                   record["what"], call["start"], call["end"], call["error"],
                   tuple(freeze(step) for step in call["steps"]))


def check_busy(records):
    """Who was told EBUSY was not alone."""
    users = [record for record in records if record["uses"]]
    begun = sorted(record["calls"][0]["start"] for record in users)
    over = sorted(record["until"] + record["linger"] * LINGER for record in users)
    for record in records:
        last = record["calls"][-1]
        at_once = (bisect.bisect_right(begun, last["end"])
                   - bisect.bisect_left(over, record["calls"][0]["start"]))
        if last["error"] == "EBUSY" and at_once <= record["uses"]:
            raise Unexplained(f"client {record['client']}: {record['what']}: EBUSY without reason")


def histories(records):
    """domain -> its calls that say something about it."""
    domains = {}
    for record in records:
        domains.setdefault(record["domain"], []).append(record)
    for domain, of_domain in sorted(domains.items()):
        check_busy(of_domain)
        calls = []
        of_domain.sort(key=lambda record: record["calls"][0]["start"])
        for operation, record in enumerate(of_domain):
            told = [call for call in record["calls"] if call["error"] != "EBUSY"]
            calls += calls_of(operation, {**record, "calls": told})
        yield domain, calls


# ---- one step

def take(configuration, call, progress, renamed):
    """What comes of the next step of @call: (domain, progress), or None when it cannot happen now
    as it was answered. @renamed: old name -> snapshot, of renames that are not answered yet."""
    kind, *words = call.steps[progress.step]
    over = progress._replace(step=len(call.steps))
    domain = configuration.domain
    if kind == "bind":
        return bind(domain, call, progress, over, words[0], renamed)
    if kind == "see":
        return see(domain, call, progress, over, words)
    if words[0] == "create" and call.error == "EEXIST" and words[1] in domain.kept:
        return domain, over
    errors, after = meaning.CHANGES[words[0]](domain, call.operation, progress.bound, *words[1:])
    if errors or call.error:
        return (domain, over) if call.error in errors else None
    return after, progress._replace(step=progress.step + 1)


def bind(domain, call, progress, over, name, renamed):
    one = domain.named(name)
    in_words = call.steps[-1][:2] == ("do", "create")  # a name in words is no path
    unknown = {"EINVAL"} if in_words else meaning.GONE
    if call.error in unknown and (one is None or name in domain.kept):
        return domain, over
    if one is None and name in renamed:  # the kernel moves its entry when the answer has come
        return domain, progress._replace(step=progress.step + 1, bound=renamed[name])
    if one is None:
        return None
    return domain.seen(name), progress._replace(step=progress.step + 1, bound=one.made_by)


def see(domain, call, progress, over, words):
    what, seen = words
    shown = meaning.shown(domain, what, call.operation if what == "own" else progress.bound)
    if call.error:
        return (domain, over) if shown is None and call.error in meaning.GONE else None
    if shown != (list(seen) if isinstance(seen, tuple) else seen):
        return None
    return domain, progress._replace(step=progress.step + 1)


def changes_nothing(call, step):
    """Such a step is best taken as soon as it can be."""
    kind = call.steps[step][0]
    return kind == "see" or (kind == "do" and call.error is not None)


# ---- all orders

class Search:
    def __init__(self, start):
        self.calls = {}  # number -> Call, those under way
        self.configurations = {Configuration(start, ())}

    def begin(self, number, call):
        self.calls[number] = call
        begun = set()
        for configuration in self.configurations:
            under_way = dict(configuration.under_way)
            bound = under_way[call.operation].bound if not call.first else None
            under_way[call.operation] = Progress(number, 0, bound)
            begun.add(self.settled(configuration._replace(under_way=ordered(under_way))))
        self.configurations = begun

    def steps_of(self, configuration):
        """The operations that have a step left in the call under way."""
        for operation, progress in configuration.under_way:
            if progress.call is not None:
                call = self.calls[progress.call]
                if progress.step < len(call.steps):
                    yield operation, progress, call

    def taken(self, configuration, operation, progress, call):
        outcome = take(configuration, call, progress, self.renamed(configuration))
        if outcome is None:
            return None
        under_way = dict(configuration.under_way)
        under_way[operation] = outcome[1]
        return Configuration(outcome[0], ordered(under_way))

    def renamed(self, configuration):
        names = {}
        for _, progress in configuration.under_way:
            steps = self.calls[progress.call].steps if progress.call is not None else ()
            if len(steps) == 2 == progress.step and steps[1][:2] == ("do", "rename"):
                names[steps[0][1]] = progress.bound
        return names

    def settled(self, configuration):
        """With every look taken that can be."""
        for operation, progress, call in self.steps_of(configuration):
            if changes_nothing(call, progress.step):
                after = self.taken(configuration, operation, progress, call)
                if after is not None:
                    return self.settled(after)
        return configuration

    def end(self, number):
        """Only configurations in which the call has happened are left."""
        call = self.calls[number]
        happened, seen, left = set(), set(self.configurations), list(self.configurations)
        while left:
            configuration = left.pop()
            progress = dict(configuration.under_way)[call.operation]
            if progress.step == len(call.steps):
                happened.add(self.ended(configuration, call))
                continue
            for step in self.steps_of(configuration):
                after = self.taken(configuration, *step)
                if after is not None and (after := self.settled(after)) not in seen:
                    seen.add(after)
                    left.append(after)
            if len(seen) > LIMIT:
                raise Unexplained(f"over {LIMIT} configurations at {describe(call)}", call)
        if not happened:
            raise Unexplained(self.why_not(call), call)
        self.configurations = happened
        del self.calls[number]

    def ended(self, configuration, call):
        under_way = dict(configuration.under_way)
        progress = under_way.pop(call.operation)
        if not call.last:
            under_way[call.operation] = Progress(None, 0, progress.bound)
        return configuration._replace(under_way=ordered(under_way))

    def why_not(self, call):
        lines = [f"nothing explains {describe(call)}", "under way:"]
        lines += [f"  {describe(other)}" for other in self.calls.values()]
        lines.append("before, one of:")
        for configuration in list(self.configurations)[:4]:
            lines.append(f"  {picture(configuration.domain)} {configuration.under_way}")
        return "\n".join(lines)


def ordered(under_way):
    return tuple(sorted(under_way.items()))


def describe(call):
    return (f"client {call.client}: {call.what}: {call.error or 'OK'} {list(call.steps)} "
            f"[{call.start / 1e9:.6f} {call.end / 1e9:.6f}] #{call.operation}")


def picture(domain):
    tree = sorted(f"{domain.path(one.made_by)}={one.content}#{one.made_by}"
                  for one in domain.snapshots)
    return f"live={domain.live} current={domain.path(domain.current)} {' '.join(tree)}"


def explain(calls, start=meaning.Domain()):
    """The greatest number of configurations that there were; raises Unexplained."""
    search, widest, ends = Search(start), 0, []
    for number, call in enumerate(sorted(calls, key=lambda one: one.start)):
        while ends and ends[0][0] < call.start:
            search.end(heapq.heappop(ends)[1])
        search.begin(number, call)
        heapq.heappush(ends, (call.end, number))
        widest = max(widest, len(search.configurations))
    while ends:
        search.end(heapq.heappop(ends)[1])
    return widest


def changes_in(calls):
    return collections.Counter(step[1] for call in calls if call.error is None
                               for step in call.steps if step[0] == "do")


def changes_before(calls, last):
    """The latest changes that somebody tried, whatever came of them: among them is the culprit."""
    earlier = [call for call in calls if call.start <= last.end and changes_something(call)]
    earlier.sort(key=lambda call: call.end)
    return "\n".join(f"  {call.end / 1e9:.6f} client {call.client}: {call.what}: {call.error or 'OK'}"
                     for call in earlier[-40:])


def changes_something(call):
    return any(step[0] == "do" for step in call.steps)


def explain_files(files):
    records, changes = [], collections.Counter()
    for name in files:
        with open(name, encoding="utf-8") as file:
            records += [json.loads(line) for line in file]
    for domain, calls in histories(records):
        try:
            widest = explain(calls)
        except Unexplained as unexplained:
            sys.exit(f"{domain}: {unexplained}\nbefore that:\n{changes_before(calls, unexplained.call)}")
        print(f"{domain}: {len(calls)} calls explained, of at most {widest} configurations")
        changes += changes_in(calls)
    print("changes:", ", ".join(f"{changes[verb]} {verb}" for verb in sorted(meaning.CHANGES)))
    if set(changes) != set(meaning.CHANGES):
        sys.exit("some change never succeeded: that shows little")


if __name__ == "__main__":
    explain_files(sys.argv[1:])
