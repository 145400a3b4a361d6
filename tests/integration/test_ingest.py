# SPDX-License-Identifier: Apache-2.0
"""replicactl ingest -t: what a tar archive holds is in the repository, and nothing else has changed."""

import os
import pwd
import random
import stat
import subprocess
import tarfile

import pytest

from cli import OWNER
from servers import DEADLINE_SECONDS
from replica import REPLICACTL
from shelf import FORMATS, NAME, Shelf, file, folder_entry, tar

ODD = [b"with space", "\xfcn\xefcode".encode(), b"new\nline", b"-dash", b"quo\"te's", b"back\\slash",
       b"l" * 90, b"not \xff\xfe utf-8", b"100%+&=?#"]


@pytest.fixture
def shelf(site, folder):
    return Shelf(site, folder)


@pytest.mark.parametrize("kind", FORMATS)
def test_all_kinds_of_entries(shelf, kind):
    chance = random.Random(1)
    large, huge = chance.randbytes(200_000), chance.randbytes(3_000_000)
    entries = [folder_entry("a", 0o750), file("a/small", b"1", 0o4711), file("a/empty", b""),
               file("./b//deep/large", large), ("a/link", tarfile.SYMTYPE, b"../b/nowhere"),
               ("a/fifo", tarfile.FIFOTYPE, b"", 0o600), file("/rooted/huge", huge),
               ("a/again", tarfile.LNKTYPE, b"a/small"), ("b/copy", tarfile.LNKTYPE, b"./a/small"),
               ("b/chunked", tarfile.LNKTYPE, b"b/deep/large")]
    names = [name for name in ODD if kind != "ustar" or len(name) < 90]
    entries += [file(b"odd/" + name, name) for name in names]
    output = shelf.put(entries, kind=kind)
    assert f"Published revision 2 of {NAME}" in output
    tree = shelf.tree()
    rows = tree.entries
    assert stat.filemode(rows[b"/a"]["mode"]) == "drwxr-x---"
    assert stat.filemode(rows[b"/a/small"]["mode"]) == "-rws--x--x"
    assert stat.filemode(rows[b"/a/fifo"]["mode"]) == "prw-------"
    assert stat.filemode(rows[b"/b/deep"]["mode"]) == "drwxr-xr-x", "it was not in the archive"
    assert rows[b"/a/link"]["symlink"] == b"../b/nowhere"
    for path, content in {b"/a/small": b"1", b"/a/empty": b"", b"/b/deep/large": large,
                          b"/rooted/huge": huge, b"/a/again": b"1", b"/b/copy": b"1",
                          b"/b/chunked": large}.items():
        assert tree.content(path) == content, path
    assert rows[b"/rooted/huge"]["chunks"] and rows[b"/b/chunked"]["chunks"]
    assert {path[5:] for path in rows if path.startswith(b"/odd/")} == set(names)
    for name in names:
        assert tree.content(b"/odd/" + name) == name
    assert rows[b"/a/small"]["hardlinks"] >> 32 == rows[b"/a/again"]["hardlinks"] >> 32 != 0
    assert rows[b"/b/copy"]["hardlinks"] == 1
    assert rows[b"/a/small"]["mtime"] == 1234567890
    assert tree.content(b"/new_repository"), "what was there before is there still"


def test_below_a_base_and_as_a_nested_catalog(shelf):
    shelf.put([file("x/y")], "-c", base="software/new/")
    assert shelf.paths() == {b"/software", b"/software/new", b"/software/new/.cvmfscatalog",
                             b"/software/new/x", b"/software/new/x/y"}
    assert set(shelf.tree().catalogs) == {b"", b"/software/new"}
    shelf.put([file("z"), file("x/.cvmfscatalog", b"")], "-c", base="/software/new")
    assert set(shelf.tree().catalogs) == {b"", b"/software/new", b"/software/new/x"}
    before = shelf.tree().catalogs[b"/software/new/x"]["hash"]
    shelf.put([file("other")], base="./")
    assert shelf.tree().catalogs[b"/software/new/x"]["hash"] == before


def test_what_is_there_is_replaced_by_its_like_and_files_by_directories(shelf):
    shelf.put([file("a", b"old"), file("b", b"old"), folder_entry("c"), file("c/kept")])
    shelf.put([file("a", b"new"), folder_entry("b"), file("b/in"), folder_entry("c", 0o700)])
    tree = shelf.tree()
    assert tree.content(b"/a") == b"new" and tree.content(b"/b/in") == b"content"
    assert tree.content(b"/c/kept") == b"content"
    assert stat.filemode(tree.entries[b"/c"]["mode"]) == "drwx------"
    before = shelf.revision()
    assert "/c is a directory" in shelf.put([file("c", b"file")], code=1)
    assert shelf.revision() == before


def test_deletions_come_first_and_the_same_again_is_nothing(shelf):
    shelf.put([file("a/one"), file("a/two"), file("b")])
    shelf.put([file("a/three")], "-d", "a", "-d", "/b/", "--delete", "never")
    assert shelf.paths() == {b"/a", b"/a/three"}
    revision = shelf.revision()
    assert f"{NAME} stays at revision {revision}" in shelf.put([file("a/three")])
    assert "nothing to delete" in subprocess.run(
        [REPLICACTL, "ingest", "-d", "never", NAME], capture_output=True, text=True, check=True,
        timeout=DEADLINE_SECONDS, env=shelf.site.environment()).stderr
    assert shelf.revision() == revision
    shelf.ingest("-d", "a")
    assert shelf.paths() == set() and shelf.revision() == revision + 1


def test_from_standard_input(shelf):
    done = subprocess.run([REPLICACTL, "ingest", "-t", "-", "-b", "/in", NAME],
                          input=tar([file("x")]), capture_output=True, check=True,
                          timeout=DEADLINE_SECONDS, env=shelf.site.environment())
    assert b"Published revision 2" in done.stdout
    assert shelf.paths() == {b"/in", b"/in/x"}


def test_whose_things_are(shelf):
    def owners(*arguments):
        shelf.put([file("x", bytes([owners.number])), file("sub/y", bytes([owners.number]))], *arguments)
        owners.number += 1
        return {(row["uid"], row["gid"]) for path, row in shelf.tree().entries.items()
                if path in (b"/x", b"/sub/y")}
    owners.number = 1
    publisher = pwd.getpwnam(OWNER)
    assert owners() == {(publisher.pw_uid, publisher.pw_gid)}
    assert owners("-k") == {(123, 456)}
    assert owners("-u", "root") == {(0, 0)}
    assert owners("-u", "root", "-g", "daemon") == {(0, 1)}


def damage_cut(data):
    return data[:len(data) // 2 + 100]


def damage_header(data):
    return data[:512 + 100] + b"garbage" + data[512 + 107:]


@pytest.mark.parametrize("entries, damage, message", [
    ([file("x", b"1" * 5000)], damage_cut, "damaged or cut off"),
    ([file("x", bytes(300_000))], damage_cut, "damaged or cut off"),
    ([file("x", b"")] * 2, damage_header, "damaged or cut off"),
    ([file("x")], lambda data: b"PK\3\4" + data, "damaged or cut off"),
    ([file("ok"), file("a/../../x")], None, "leads out of it"),
    ([file("ok"), file("..")], None, "leads out of it"),
    ([file("ok"), ("x", tarfile.LNKTYPE, b"../ok")], None, "leads out of it"),
    ([file("ok"), ("x", tarfile.LNKTYPE, b"never")], None, "there is no /never"),
    ([file(".cvmfscatalog", b"")], None, ".cvmfscatalog"),
    ([("d/.cvmfscatalog", tarfile.SYMTYPE, b"x")], None, "marker of a nested catalog"),
    ([file(".cvmfs/x")], None, ".cvmfs"),
    ([file("f"), file("f/x")], None, "f"),
    ([file("n" * 256)], None, "n" * 50),
])
def test_a_bad_archive_changes_nothing(shelf, entries, damage, message):
    data = tar(entries)
    shelf.archive.write_bytes(damage(data) if damage else data)
    shelf.archive.chmod(0o644)
    assert message in shelf.ingest("-t", shelf.archive, "-b", "/", code=1)
    assert shelf.revision() == 1 and shelf.paths() == set()
    assert not (shelf.site.storage / NAME / ".replica_dirty").exists()


@pytest.mark.parametrize("arguments, message", [
    ([], "ingest wants --from DIRECTORY"),
    (["-t", "x"], "go together"),
    (["-b", "x"], "ingest wants --from DIRECTORY"),
    (["-d", "x", "-b", "y"], "go together"),
    (["--from", "/tmp", "-d", "x"], "neither -t nor -d"),
    (["-t", "x", "-b", "/", "-k", "-u", "root"], "either the archive's owners"),
    (["-t", "x", "-b", "/", "-g", "root"], "needs a user"),
    (["-q"], "Unrecognized option"),
])
def test_contradictions(shelf, arguments, message):
    assert message in shelf.ingest(*arguments, code=3)


def test_owners_that_are_none(shelf):
    assert "there is no user 'nobody-at-all'" in shelf.put([file("x")], "-u", "nobody-at-all", code=1)
    assert "there is no group 'none-at-all'" in shelf.put(
        [file("x")], "-u", "root", "-g", "none-at-all", code=1)
    assert "cannot open" in shelf.ingest("-t", "/nowhere.tar", "-b", "/", code=1)


def test_thousands_of_files_of_all_sizes(shelf):
    chance = random.Random(7)
    sizes = [chance.choice([0, 1, 100, 5000, 65536, 65537, 200_000]) for _ in range(1500)]
    entries = [file(f"d{number % 30}/f{number}", number.to_bytes(4, "big") * (size // 4 + 1))
               for number, size in enumerate(sizes)]
    shelf.put(entries)
    tree = shelf.tree()
    for name, _, content in chance.sample(entries, 100):
        assert tree.content(b"/" + name.encode()) == content
    assert len(tree.entries) == 1500 + 30 + 2
