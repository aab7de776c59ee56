"""Names of backing files that lead out of the store, to no file, or round in a circle; and files in
the store that are no images."""
import os
import socket
import stat

from place import Case
from qcow2 import Image


def in_place_of_images(place):
    outside, inside = place.sound / "sound.qcow2", place.parts / "sound"
    for name, says, make in (
        ("link to an image outside", "symbolic|levels", lambda file: os.symlink(outside, file)),
        ("link to an image inside", "symbolic|levels", lambda file: os.symlink(inside, file)),
        ("FIFO", "regular|not a qcow2", os.mkfifo),
        ("directory", "regular|directory|not a qcow2", os.mkdir),
    ):
        file = place.file(name)
        make(file)
        place.cases.append(Case(name, says, file=str(file), special=True))


def names(place):
    for name, says, text in (
        ("absolute /etc/passwd", "not below|outside", b"/etc/passwd"),
        ("absolute /dev/zero", "not below|outside", b"/dev/zero"),
        ("absolute /proc/self/mem", "not below|outside", b"/proc/self/mem"),
        ("absolute /proc/self/fd/0", "not below|outside", b"/proc/self/fd/0"),
        ("parent", "not below|outside", b"../outside/secret"),
        ("parents", "not below|outside", b"../" * 40 + b"etc/passwd"),
        ("parent on the way", "goes up", b"parts/../../outside/secret"),
        ("parent and back", "goes up", b"parts/../parts/sound"),
        ("store beside", "goes up", os.fsencode(place.store) + b"/../outside/secret"),
        ("name that begins alike", "not below|outside", os.fsencode(place.store) + b"2/secret"),
        ("link to a file outside", "symbolic|levels", b"parts/link-outside"),
        ("link to a directory outside", "symbolic|levels", b"parts/directory-outside/secret"),
        ("link to a file inside", "symbolic|levels", b"parts/link-inside"),
        ("link to itself", "symbolic|levels", b"parts/link-loop"),
        ("FIFO", "regular file", b"parts/fifo"),
        ("socket", "regular|No such device", b"parts/socket"),
        ("directory", "regular file", b"parts"),
        ("the store itself", "regular file", b"."),
        ("missing", "No such file", b"parts/missing"),
        ("below a file", "Not a directory", b"parts/sound/below"),
        ("component too long", "too long", b"n" * 300),
        ("path too long", "too long|No such file", b"d/" * 500),
        ("json", "no plain file", b'json:{"driver":"file","filename":"/etc/passwd"}'),
        ("nbd", "no plain file", b"nbd:127.0.0.1:10809"),
        ("nbd unix", "no plain file", b"nbd+unix:///?socket=/tmp/s"),
        ("http", "no plain file", b"http://127.0.0.1/image"),
        ("fat", "no plain file", b"fat:rw:/etc"),
        ("file protocol", "no plain file", b"file:/etc/passwd"),
        ("unknown protocol", "no plain file", b"proto:x"),
        ("empty protocol", "no plain file", b":x"),
        ("with a newline", "No such file", b"parts/sound\n"),
        ("not UTF-8", "No such file", b"parts/\xff\xfe"),
        ("with NUL", "NUL", b"parts/sound\0/etc/passwd"),
    ):
        place.refused(f"backing {name}", says, Image().on(text))


def special_files(place):
    parts = place.parts
    os.symlink(place.outside / "secret", parts / "link-outside")
    os.symlink(place.outside, parts / "directory-outside")
    os.symlink("sound", parts / "link-inside")
    os.symlink("link-loop", parts / "link-loop")
    os.mkfifo(parts / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(parts)
        listener.bind("socket")
        os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(parts / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        os.mknod(parts / "loop", 0o666 | stat.S_IFBLK, os.makedev(7, 0))
        place.refused("backing character device", "regular|ermi", Image().on(b"parts/zero"))
        place.refused("backing block device", "regular|ermi|device", Image().on(b"parts/loop"))


def formats(place):
    for form in (b"vmdk", b"qcow", b"luks", b"QCOW2", b"file", b""):
        image = Image().on(b"parts/sound", form)
        place.refused(f"format {form.decode()}", "of format|its format", image)
    place.refused("format not said", "say the format", Image().on(b"parts/sound", None))
    (place.parts / "broken\udcff").write_bytes(b"broken")
    image = Image().on(b"parts/broken\xff", b"qcow2")
    place.refused("damaged image whose name is not UTF-8", "not a qcow2", image)
    place.refused("format wrong", "not a qcow2", Image().on(b"parts/sound", b"qcow2"))
    for name, says, fields in (
        ("name too long", "too long", {"backing_length": 1024}),
        ("name of 2^32-1", "too long", {"backing_length": 2**32 - 1}),
        ("name outside the cluster", "impossible place", {"backing_offset": 4097}),
        ("name at 2^64-1", "impossible place", {"backing_offset": 2**64 - 1}),
        ("name over the cluster's end", "too long", {"backing_offset": 4090}),
    ):
        place.refused(f"backing {name}", says, Image().on(b"parts/sound").set(**fields))


def absent(form=b"raw", name=b"parts/sound"):
    """An image whose clusters 0 and 7 are its backing file's."""
    image = Image().on(name, form)
    image.l2[0] = image.l2[7] = 0
    image.disk[0] = image.disk[7] = b"r" * 4096
    return image


def good_backings(place):
    store = os.fsencode(place.parts / "sound")
    for text in (b"parts/sound", b"./parts//sound", b"./././parts/sound", store):
        place.opened(f"backing at {text.decode()[-20:]}", absent(name=text))
    (place.parts / "a:b").write_bytes(b"r" * 32768)
    place.opened("backing with a colon", absent(name=b"./parts/a:b"))
    os.link(place.parts / "sound", place.parts / "hard")
    place.opened("backing by another link", absent(name=b"parts/hard"))


def loops(place):
    def itself(name, text):
        place.refused(f"loop {name}", "behind itself", Image().on(text, b"qcow2"))

    for index, name in enumerate(("name", "dot", "dots", "absolute")):
        file = os.fsencode(place.file(f"loop {name}").name)
        before = (b"", b"./", b"././", os.fsencode(place.store) + b"/")[index]
        itself(name, before + file)
    itself("hard link", b"parts/hard-loop")
    os.link(place.cases[-1].file, place.parts / "hard-loop")
    for count in (2, 100):
        for i in range(1, count):
            last = f"../{place.file(f'loop of {count}').name}"
            behind = last if i + 1 == count else f"loop-{count}-{i + 1}"
            image = Image(bits=9, clusters=1).on(behind.encode(), b"qcow2")
            image.write(place.parts / f"loop-{count}-{i}")
        image = Image().on(f"parts/loop-{count}-1".encode(), b"qcow2")
        place.refused(f"loop of {count}", "behind itself", image)


def chain(place, count):
    """The top of `count` images, the lowest of which alone has data."""
    Image(bits=9, clusters=1).write(place.parts / f"chain-{count}-0")
    for i in range(1, count):
        image = Image(bits=9, clusters=1)
        image.l2 = [0]
        if i == count - 1:
            return image.on(f"parts/chain-{count}-{i - 1}".encode(), b"qcow2")
        image.on(f"chain-{count}-{i - 1}".encode(), b"qcow2")
        image.write(place.parts / f"chain-{count}-{i}")


def chains(place):
    place.refused("chain of 1025", "more than 1024", chain(place, 1025))
    place.opened("chain of 1024", chain(place, 1024))


FAMILIES = (special_files, in_place_of_images, names, formats, good_backings, loops, chains)
