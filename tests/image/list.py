#!/usr/bin/env python3
"""list.py FILE: what `tool list FILE` should print, as Python's own tarfile sees it.

list.py --make FORMAT: writes an archive with that module, in USTAR, GNU or PAX.
"""
import decimal
import hashlib
import io
import sys
import tarfile

KINDS = {
    tarfile.REGTYPE: "file", tarfile.AREGTYPE: "file", tarfile.CONTTYPE: "file",
    tarfile.GNUTYPE_SPARSE: "file", tarfile.LNKTYPE: "hard-link", tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "character", tarfile.BLKTYPE: "block", tarfile.DIRTYPE: "directory",
    tarfile.FIFOTYPE: "fifo",
}


def to_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def shown(text):
    return "".join(chr(b) if 32 < b < 127 and b != 92 else "\\%03o" % b for b in to_bytes(text))


def line(archive, entry):
    mtime = decimal.Decimal(entry.pax_headers.get("mtime", int(entry.mtime)))
    seconds = int(mtime.to_integral_value(decimal.ROUND_FLOOR))
    words = [KINDS[entry.type], shown(entry.name), "mode=%04o" % (entry.mode & 0o7777),
             "uid=%d" % entry.uid, "gid=%d" % entry.gid,
             "mtime=%d.%09d" % (seconds, int((mtime - seconds) * 10**9))]
    if entry.type in (tarfile.LNKTYPE, tarfile.SYMTYPE):
        words.append("target=" + shown(entry.linkname))
    if entry.type in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        words.append("device=%d:%d" % (entry.devmajor, entry.devminor))
    for key, value in entry.pax_headers.items():
        if key.startswith("SCHILY.xattr."):
            words.append("xattr=%s=%s" % (shown(key[13:]), to_bytes(value).hex()))
    if KINDS[entry.type] == "file":
        data = archive.extractfile(entry).read()
        words.append("size=%d sha256=%s" % (len(data), hashlib.sha256(data).hexdigest()))
    return " ".join(words)


def make(form):
    formats = {"USTAR": tarfile.USTAR_FORMAT, "GNU": tarfile.GNU_FORMAT, "PAX": tarfile.PAX_FORMAT}
    archive = tarfile.open(fileobj=sys.stdout.buffer, mode="w|", format=formats[form])
    long = "d/" + "n" * 90 if form == "USTAR" else "d/" + "x" * 120 + "/" + "n" * 150
    huge = 0 if form == "USTAR" else 2**31 + 5

    def add(name, kind, data=b"", **fields):
        entry = tarfile.TarInfo(name)
        entry.type, entry.size = kind, len(data)
        for key, value in fields.items():
            setattr(entry, key, value)
        archive.addfile(entry, io.BytesIO(data))

    add("d", tarfile.DIRTYPE, mode=0o1777)
    add(long, tarfile.REGTYPE, b"x" * 1025, mode=0o4755, uid=huge, gid=huge, mtime=1600000000)
    add("empty", tarfile.REGTYPE, mtime=0 if form == "USTAR" else -7)
    add("link", tarfile.SYMTYPE, linkname="../" + long)
    add("hard", tarfile.LNKTYPE, linkname=long)
    add("null", tarfile.CHRTYPE, devmajor=1, devminor=3)
    add("disk", tarfile.BLKTYPE, devmajor=259, devminor=70000)
    add("pipe", tarfile.FIFOTYPE)
    add("cont", tarfile.CONTTYPE, b"y" * 512)
    if form == "PAX":
        add("\u00e4\n", tarfile.REGTYPE, b"z", mtime=-12.25,
            pax_headers={"SCHILY.xattr.user.a": "1=2\n3", "comment": "of no interest"})
    archive.close()


if sys.argv[1] == "--make":
    make(sys.argv[2])
else:
    with tarfile.open(sys.argv[1], "r:") as whole:
        for member in whole:
            print(line(whole, member))
