# SPDX-License-Identifier: Apache-2.0
"""A repository published from a directory, and what has to be equal in the two."""
import os
import pathlib
import stat
import subprocess

from repository_checks import Repository

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REPLICA_BUILD", TOP / "build"))
TOOL = BUILD / "tests" / "integration" / "publish_tool"
FQRN = "sw.example.org"
SMALL_CHUNKS = ("minimum=20000", "average=40000", "maximum=80000")
ODD_NAMES = (b"with space", b"\xc3\xbcn\xc3\xafcode", b"not \xff\xfe utf-8", b"quo\"te's",
             b"back\\slash", b"100%+&=?#", b"l" * 200, b"new\nline", b"-dash", b"[x]*")


class Publisher:
    def __init__(self, folder, *options, fqrn=FQRN):
        self.folder = folder
        self.options = options
        self.fqrn = fqrn
        (folder / "repository").mkdir()
        (folder / "scratch").mkdir()
        self.source = folder / "source"
        self.source.mkdir()

    def tool(self, *arguments, check=True):
        done = subprocess.run([TOOL, *arguments, *self.options], capture_output=True,
                              check=False)
        if check:
            assert done.returncode == 0, done.stderr.decode()
        return done

    def create(self, *options):
        self.tool("create", self.folder / "repository", self.fqrn, "-", *options)
        return self

    def ingest(self, *options, source=None):
        out = self.tool("ingest", self.folder / "repository", self.fqrn,
                        source or self.source, *options).stdout.decode().split()
        return dict(zip(out[::2], map(int, out[1::2])))

    def refuse(self, source=None):
        done = self.tool("ingest", self.folder / "repository", self.fqrn,
                         source or self.source, check=False)
        assert done.returncode == 1
        return done.stderr.decode()

    def repository(self):
        return Repository(self.folder / "repository", self.fqrn, self.folder / "scratch")

    def manifest(self):
        return (self.folder / "repository/storage/.cvmfspublished").read_bytes()

    def write(self, name, content=b"", mode=0o644):
        path = os.path.join(os.fsencode(self.source), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path


def supports_attributes(path):
    try:
        os.setxattr(path, "user.probe", b"1")
        os.removexattr(path, "user.probe")
        return True
    except OSError:
        return False


def walk(source):
    """Paths as catalogs have them, with what lstat says."""
    source = os.fsencode(source)
    found = {b"": os.lstat(source)}
    for path, folders, names in os.walk(source):
        for name in folders + names:
            full = os.path.join(path, name)
            found[full[len(source):]] = os.lstat(full)
    return found


def expect_same_metadata(row, status):
    assert row["mode"] == status.st_mode
    assert (row["uid"], row["gid"]) == (status.st_uid, status.st_gid)
    assert row["mtime"] == int(status.st_mtime)
    if stat.S_ISREG(status.st_mode):
        assert row["size"] == status.st_size
    elif stat.S_ISCHR(status.st_mode):
        assert row["size"] == status.st_rdev


def expect_same_tree(tree, source):
    """The entries are those of SOURCE, and so are the contents and hard links."""
    found = walk(source)
    assert set(tree.entries) == set(found)
    inodes = {}
    for path, status in found.items():
        row = tree.entries[path]
        full = os.fsencode(source) + path
        expect_same_metadata(row, status)
        if stat.S_ISREG(status.st_mode):
            with open(full, "rb") as file:
                assert tree.content(path) == file.read(), path
            key = (os.path.dirname(path), status.st_ino)
            inodes.setdefault(key, []).append(row)
        elif stat.S_ISLNK(status.st_mode):
            assert row["symlink"] == os.readlink(full)
            assert row["size"] == len(row["symlink"])
    for rows in inodes.values():
        assert {row["hardlinks"] & 0xFFFFFFFF for row in rows} == {len(rows)}
        assert (rows[0]["hardlinks"] >> 32 > 0) == (len(rows) > 1)
