# SPDX-License-Identifier: Apache-2.0
"""Change sets applied to the present catalogs give what the same changes give in a plain
directory."""
import os
import resource
import threading

import pytest

from changer import MARKER, MODE, MTIME, OWNER, XATTR, World, fill
from publisher import ODD_NAMES, SMALL_CHUNKS
from repository_checks import CHUNKED, NULL_HASH


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, "tags=no", *SMALL_CHUNKS)
    yield world
    world.close()


def test_makes_everything_from_nothing(world):
    tree = fill(world)
    assert set(tree.catalogs) == {b"", b"/a", b"/a/b", b"/d/e"}
    assert world.last == {"revision": 3, "entries": 30, "catalogs": 4, "stored": 4,
                          "bytes": world.last["bytes"]}
    assert tree.entries[b"/a/b/large"]["flags"] & CHUNKED
    for path in (b"/a", b"/a/b", b"/d/e"):
        assert tree.catalogs[path]["properties"]["previous_revision"] == NULL_HASH
        assert tree.catalogs[path]["properties"]["revision"] == "1"
    world.verify_same_as_directory()


def test_writes_only_the_catalogs_above_a_change(world):
    old = fill(world)
    assert world.put(b"/a/b/c/new", b"new") is None
    assert world.commit()["stored"] == 3
    new = world.verify()
    assert new.catalogs[b"/d/e"] == old.catalogs[b"/d/e"]
    for path, revision in ((b"", "4"), (b"/a", "2"), (b"/a/b", "2")):
        properties = new.catalogs[path]["properties"]
        assert properties["revision"] == revision
        assert properties["previous_revision"] == old.catalogs[path]["hash"]


def test_no_change_makes_no_revision(world):
    fill(world)
    before = world.publisher.manifest()
    assert world.commit() == dict(world.last, revision=3, stored=0, catalogs=4)
    given = ["644", os.geteuid(), os.getegid(), 1234567, b"\1\1\1\1ab"]
    source = world.folder / "content"
    source.write_bytes(bytes(range(256)) * 400)
    for _ in range(2):
        assert world.tool.do("put", b"/x", source, *given) is None
        assert world.tool.do("symlink", b"/y", b"x", *given) is None
        assert world.tool.do("mkdir", b"/z", *given) is None
        assert world.tool.do("special", b"/f", 0, "10644", *given[1:]) is None
        assert world.tool.do("set", b"/d", MODE | OWNER | MTIME | XATTR, *given) is None
        assert world.tool.do("set", b"/a", MODE | OWNER | MTIME | XATTR, *given) is None
        result = world.tool.commit()
    assert result["revision"] == 4 and result["stored"] == 0
    assert world.publisher.manifest() != before
    _, tree = world.repository.check()
    for path in (b"/x", b"/y", b"/z", b"/f", b"/d", b"/a"):
        assert tree.entries[path]["xattr"] == b"\1\1\1\1ab"
    world.run_check()


def test_nothing_of_abandoned_changes_is_seen(world):
    fill(world)
    before = world.publisher.manifest()
    assert world.tool.do("remove", b"/a") is None
    assert world.tool.do("abandon") is None
    assert world.publisher.manifest() == before
    world.commit()
    world.verify()
    assert not os.listdir(world.folder / "repository/storage/data/txn")


def test_replaces_and_removes(world):
    fill(world)
    assert world.put(b"/a/b/large", b"small now", 0o755) is None
    assert world.remove(b"/a/b/large2") is None
    assert world.symlink(b"/a/file", b"elsewhere") is None
    assert world.fifo(b"/a/link") is None
    assert world.put(b"/d/fifo", b"a file") is None
    assert world.remove(b"/a/b/c") is None
    assert world.remove(b"/d/e") is None
    world.commit()
    tree = world.verify()
    assert set(tree.catalogs) == {b"", b"/a", b"/a/b"}
    assert tree.entries[b"/a/b/large3"]["hardlinks"] == 1
    assert world.remove(b"/a") is None
    assert world.remove(b"/d") is None
    world.commit()
    assert set(world.verify().catalogs) == {b""}


def test_markers_split_and_merge(world):
    fill(world)
    assert world.put(b"/a/plain/.cvmfscatalog") is None
    assert world.put(b"/d/.cvmfscatalog") is None
    assert world.remove(b"/a/.cvmfscatalog") is None
    world.commit()
    assert set(world.verify().catalogs) == {b"", b"/a/plain", b"/a/b", b"/d", b"/d/e"}
    world.verify_same_as_directory()
    assert world.put(b"/a/.cvmfscatalog") is None
    assert world.remove(b"/d/.cvmfscatalog") is None
    assert world.remove(b"/a/b/.cvmfscatalog") is None
    assert world.link(b"/a/b/c/.cvmfscatalog", b"/a/b/c/file") is None
    world.commit()
    assert set(world.verify().catalogs) == {b"", b"/a", b"/a/plain", b"/a/b/c", b"/d/e"}
    world.verify_same_as_directory()


def test_a_marker_that_comes_and_goes_changes_nothing_else(world):
    fill(world)
    assert world.put(b"/d/.cvmfscatalog") is None
    assert world.remove(b"/d/.cvmfscatalog") is None
    assert world.remove(b"/a/b/.cvmfscatalog") is None
    assert world.put(b"/a/b/.cvmfscatalog") is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()


def test_attributes_of_everything(world):
    fill(world)
    for path in (b"", b"/a", b"/a/b", b"/d", b"/d/e/file", b"/d/fifo", b"/a/b/large2"):
        assert world.set(path, MODE | MTIME, 0o711) is None
    assert world.set(b"/a/link", MTIME) is None
    assert world.mkdir(b"/d/e", 0o750) is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()


def test_hard_links(world):
    fill(world)
    assert world.link(b"/a/b/file2", b"/a/b/file") is None
    assert world.link(b"/a/b/large4", b"/a/b/large2") is None
    assert world.link(b"/a/b/large4", b"/a/b/large") is None
    assert world.link(b"/a/b/large", b"/a/b/large") is None
    assert world.link(b"/a/b/large3", b"/a/b/file") is None
    assert world.link(b"/d/fifo", b"/d/file") is None
    assert world.link(b"/a/x", b"/a/b/file") == "usage"
    assert world.link(b"/a/b/x", b"/a/b/link") == "usage"
    assert world.link(b"/a/b/x", b"/a/b/c") == "usage"
    assert world.link(b"/a/b/x", b"/a/b/missing") == "not-found"
    assert world.link(b"/a/b/c", b"/a/b/file") == "exists"
    world.commit()
    world.verify()
    assert world.remove(b"/a/b/.cvmfscatalog") is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()


def test_says_which_content_could_not_be_made_and_keeps_what_was_there(world):
    """A directory can be opened, but not read."""
    fill(world)
    given = ["644", os.geteuid(), os.getegid(), 1]
    assert world.put(b"/good", b"good") is None
    for path in (b"/a/file", b"/a/new", b"/d/.cvmfscatalog"):
        assert world.tool.do("put", path, world.folder, *given) is None
    answer = world.tool.ask("settle")
    assert answer.startswith("error") and "/a/file" in answer
    assert world.tool.do("settle") is None
    world.commit()
    world.verify()
    assert world.tool.do("put", b"/a/file", world.folder, *given) is None
    assert world.tool.do("commit") == "io"
    assert world.put(b"/a/file", b"better") is None
    world.commit()
    assert world.last["revision"] == 5
    world.verify()


def test_a_content_of_unknown_size_is_cut_in_the_same_way(world):
    content = bytes(range(251)) * 800
    for path, length in ((b"/large", len(content)), (b"/small", 20_000), (b"/empty", 0)):
        assert world.put(path, content[:length]) is None
        given = world.attributes(0o644)
        pipe = world.folder / f"pipe{length}"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(content[:length],))
        writer.start()
        assert world.tool.do("put", path + b"2", pipe, *given) is None
        writer.join()
    world.commit()
    _, tree = world.repository.check()
    for path in (b"/large", b"/small", b"/empty"):
        one, other = tree.entries[path], tree.entries[path + b"2"]
        assert (one["hash"], one["size"], one["flags"]) == (
            other["hash"], other["size"], other["flags"])
        assert [it["hash"] for it in one["chunks"]] == [it["hash"] for it in other["chunks"]]
    assert len(tree.entries[b"/large"]["chunks"]) > 1


def test_many_new_catalogs_are_not_open_at_once(world):
    # Two descriptors each, beside those of files that wait.
    resource.prlimit(world.tool.process.pid, resource.RLIMIT_NOFILE, (400, 400))
    for number in range(300):
        world.mkdir(b"/%d" % number)
        world.put(b"/%d/%b" % (number, MARKER))
    world.commit()
    assert len(world.verify().catalogs) == 301


def test_many_files_wait_at_once(world):
    """More than the ring of waiting files has places; some are asked for meanwhile."""
    for number in range(700):
        assert world.put(b"/%d" % number, b"%d" % number) is None
        if number % 97 == 0:
            assert world.put(b"/%d" % number, b"again") is None
            assert "100644 5 1" in world.tool.ask("lookup", b"/%d" % number)
        if number % 101 == 0:
            assert world.mkdir(b"/d%d" % number) is None
            assert world.mkdir(b"/%d" % number) == "exists"
            assert world.remove(b"/%d" % number) is None
    assert world.tool.ask("list", b"").count(" ") == 4 * len(os.listdir(world.plain))
    world.commit()
    world.verify()


REFUSED = (
    ("put", b"relative", "usage"), ("put", b"", "usage"), ("put", b"/a//x", "usage"),
    ("put", b"/a/../x", "usage"), ("put", b"/a/./x", "usage"), ("put", b"/a/x/", "usage"),
    ("put", b"/.cvmfs", "usage"), ("put", b"/.cvmfs/x", "usage"),
    ("put", b"/.cvmfscatalog", "usage"), ("put", b"/" + b"x" * 256, "usage"),
    ("put", b"/x" * 251, "too-large"), ("put", b"/a/.cvmfsgraft-x", "unsupported"),
    ("put", b"/missing/x", "not-found"), ("put", b"/a/file/x", "not-found"),
    ("put", b"/a/link/x", "not-found"), ("put", b"/a", "exists"), ("put", b"/a/b", "exists"),
    ("mkdir", b"/a/file", "exists"), ("mkdir", b"/d/.cvmfscatalog", "usage"),
    ("mkdir", b"/missing/x", "not-found"), ("symlink", b"/a", "exists"),
    ("symlink", b"/d/.cvmfscatalog", "usage"), ("fifo", b"/a", "exists"),
    ("remove", b"/missing", "not-found"), ("remove", b"", "usage"),
    ("remove", b"/a/file/x", "not-found"), ("set", b"/missing", "not-found"),
)


@pytest.mark.parametrize("verb, path, code", REFUSED)
def test_refuses_and_changes_nothing(world, verb, path, code):
    fill(world)
    more = {"symlink": [b"target"], "set": [MODE]}.get(verb, [])
    assert getattr(world, verb)(path, *more) == code
    assert world.commit()["revision"] == 3
    assert world.symlink(b"/x", b"") == "usage"
    assert world.commit()["revision"] == 3


def test_odd_names(world):
    names = (*ODD_NAMES, b"l" * 255, b"\x01", b"..a", b"...", b" ", b"\xc3", b"%s", b"a%00")
    for name in names:
        assert world.mkdir(b"/" + name) is None
        assert world.put(b"/" + name + b"/" + name, name) is None
        assert world.symlink(b"/" + name + b"/s", name) is None
    world.commit()
    world.verify()
    for name in names[::2]:
        assert world.put(b"/" + name + b"/.cvmfscatalog") is None
    for name in names[1::2]:
        assert world.remove(b"/" + name + b"/" + name) is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()
