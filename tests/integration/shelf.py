# SPDX-License-Identifier: Apache-2.0
"""A repository that archives are put into, and archives to put there."""

import io
import os
import tarfile

from changer import QuickRepository
from cli import OWNER
from closure import manifest_fields

NAME = "own.example.net"
FORMATS = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT, "ustar": tarfile.USTAR_FORMAT}
SMALL_CHUNKS = "CVMFS_MIN_CHUNK_SIZE=20000\nCVMFS_AVG_CHUNK_SIZE=40000\nCVMFS_MAX_CHUNK_SIZE=80000\n"


class Shelf:
    """A repository that archives are put into, and a plain directory that is told the same."""

    def __init__(self, site, folder):
        self.site, self.folder = site, folder
        site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", NAME)
        with open(site.configuration(NAME), "a", encoding="ascii") as file:
            file.write(SMALL_CHUNKS)
        (folder / "scratch").mkdir()
        parts = folder / "parts"
        parts.mkdir()
        (parts / "storage").symlink_to(site.storage / NAME)
        (parts / "spool").symlink_to(site.spool / NAME)
        (parts / "keys").symlink_to(site.confdir / "keys")
        self.repository = QuickRepository(parts, NAME, folder / "scratch")
        self.archive = folder / "archive.tar"

    def ingest(self, *arguments, code=0, **options):
        return self.site.run("ingest", *arguments, NAME, code=code, **options)

    def put(self, entries, *arguments, base="/", kind="gnu", code=0):
        self.archive.write_bytes(tar(entries, kind))
        self.archive.chmod(0o644)
        return self.ingest("-t", self.archive, "-b", base, *arguments, code=code)

    def revision(self):
        return int(manifest_fields(self.site.storage / NAME)["S"])

    def tree(self):
        _, tree = self.repository.check()
        return tree

    def paths(self):
        return {path for path in self.tree().entries if path and path != b"/new_repository"}


def tar(entries, kind="gnu"):
    """ENTRIES are (name, type, content or target[, mode])."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=FORMATS[kind], encoding="utf-8",
                      errors="surrogateescape") as archive:
        for name, kind_of, content, *mode in entries:
            info = tarfile.TarInfo(os.fsdecode(name))
            info.type, info.mtime, info.uid, info.gid = kind_of, 1234567890, 123, 456
            info.mode = mode[0] if mode else 0o755 if kind_of == tarfile.DIRTYPE else 0o644
            if kind_of == tarfile.REGTYPE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.linkname = os.fsdecode(content)
                archive.addfile(info)
    return out.getvalue()


def file(name, content=b"content", *mode):
    return (name, tarfile.REGTYPE, content, *mode)


def folder_entry(name, *mode):
    return (name, tarfile.DIRTYPE, b"", *mode)
