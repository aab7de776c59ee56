#!/usr/bin/env python3
"""explain.py finds what no order explains: histories made by hand, possible and impossible ones.

A history is lines of START END [ERROR] WHAT. All begin with a, of content 1, and its child b, of
content 2, which is current. `info NAME PARENT CURRENT [CHILDREN]` and the like are what was seen;
`order NAME WHAT MIDDLE` opens a control file until MIDDLE, and writes it afterwards.
"""
import sys

import explain

BEFORE = """
0 1 write 1
2 3 mkdir a
4 5 write 2
6 7 mkdir b
"""

# name -> (it can be explained, what happened)
HISTORIES = {
    "nothing more": (True, ""),
    "changes one after the other": (True, """
        10 11 rename b c
        12 13 info c a yes
        14 15 mkdir d
        16 17 info d c yes
        18 19 discard c keep-children
        20 21 info d a yes
        22 23 names a d"""),
    "a read during a change sees the old": (True, "10 20 merge b parent\n 12 13 content a 1"),
    "or the new": (True, "10 20 merge b parent\n 12 13 content a 2"),
    "but not the new and then the old": (False, """
        10 20 merge b parent
        12 13 content a 2
        14 15 content a 1"""),
    "nor the old after it": (False, "10 11 merge b parent\n 12 13 content a 1"),
    "either order of two at once": (True, """
        10 20 rename b c
        10 20 ENOENT rename b d
        21 22 names a c"""),
    "but not both": (False, "10 20 rename b c\n 10 20 rename b d\n 21 22 names a c d"),
    "a lost update": (False, "10 11 mkdir c\n 12 13 mkdir d\n 14 15 names a b d"),
    "a lost update among two at once": (False, "10 20 mkdir c\n 10 20 mkdir d\n 21 22 names a b d"),
    "a resurrected snapshot": (False, """
        10 11 discard b 1
        12 13 names a
        14 15 names a b"""),
    "a snapshot that was made again": (True, """
        10 11 discard b 1
        12 13 mkdir b
        14 15 names a b
        16 17 info b a yes"""),
    "a wrong parent": (False, "10 11 mkdir c\n 12 13 info c a yes"),
    "a child that did not move": (False, """
        10 11 mkdir c
        12 13 discard b keep-children
        14 15 info c b yes"""),
    "no current one": (False, "10 11 revert a\n 12 13 info a - no 1"),
    "two current ones": (False, "10 15 info a - yes 1\n 11 14 info b a yes"),
    "a disk that a revert left as it was": (False, "10 11 write 3\n 12 13 revert a\n 14 15 live 3"),
    "a disk that was changed and reverted": (True, "10 20 write 3\n 12 13 revert a\n 21 22 live 3"),
    "another's bytes": (False, "10 11 content b 1"),
    "bytes of a snapshot that changed": (False, "10 11 write 3\n 12 13 content b 3"),
    "a wrong refusal": (False, "10 11 EEXIST mkdir c"),
    "a refusal for another reason": (False, "10 11 ENOENT discard a 1"),
    "a right refusal": (True, "10 11 ENOTEMPTY discard a 1"),
    "what must be refused": (False, "10 11 discard a 1"),
    "a name that was bound before it was given away": (True, """
        10 20 order b discard 15 1
        12 13 rename b c
        14 15 names a c
        21 22 names a"""),
    "a name that was bound after it was given away": (False, """
        10 11 rename b c
        12 20 order b discard 14 1"""),
    "a current one that somebody else's was": (False, """
        10 20 order b current 12 0
        13 15 mkdir c
        21 22 info c b no"""),
    "busy beside somebody": (True, "10 20 mkdir c\n 12 13 EBUSY mkdir d\n 21 22 names a b c"),
    "busy alone": (False, "10 11 EBUSY mkdir c"),
    "busy, and done": (False, "10 20 mkdir c\n 12 13 EBUSY mkdir d\n 21 22 names a b c d"),
    "busy beside who only looks": (False, "10 20 names a b\n 12 13 EBUSY mkdir d"),
}

READS = {"names", "info", "content", "live"}


def steps_of(what, words):
    """The steps of each call."""
    if what == "order":
        name, change, _, *arguments = words
        return [[("bind", name), ("see", "here", True)], [("do", change, *arguments)]]
    if what == "names":
        return [[("see", "names", tuple(words))]]
    if what == "info":
        name, *lines = words
        return [[("bind", name), ("see", "info", info(name, *lines))]]
    if what == "content":
        return [[("bind", words[0]), ("see", "content", (int(words[1]),))]]
    if what == "live":
        return [[("see", "live", (int(words[0]),))]]
    if what == "mkdir":
        return [[("do", "create", words[0])]]
    if what == "write":
        return [[("do", "write", int(words[0]))]]
    return [[("bind", words[0]), ("do", what, *words[1:])]]


def info(name, parent, current, children="0"):
    return {"name": name, "parent": parent if parent != "-" else None, "current": current,
            "children": int(children), "descendants": int(children)}


def record(line):
    start, end, *words = line.split()
    error = words.pop(0) if words[0].startswith("E") else None
    moments = [int(start), int(end)]
    if words[0] == "order":
        moments[1:1] = [int(words[3]), int(words[3]) + 1]
    calls = [{"start": moments[2 * i], "end": moments[2 * i + 1], "steps": steps, "error": None}
             for i, steps in enumerate(steps_of(words[0], words[1:]))]
    calls[-1]["error"] = error
    return {"client": 0, "domain": "web", "what": line.strip(), "calls": calls,
            "until": calls[-1]["end"], "linger": False, "uses": words[0] not in READS}


def is_explained(history):
    lines = (BEFORE + history).strip().splitlines()
    try:
        for _, calls in explain.histories([record(line) for line in lines if line.strip()]):
            explain.explain(calls)
    except explain.Unexplained:
        return False
    return True


def main():
    wrong = [name for name, (expected, history) in HISTORIES.items()
             if is_explained(history) != expected]
    for name in wrong:
        print(f"judged wrongly: {name}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
