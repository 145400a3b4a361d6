# SPDX-License-Identifier: Apache-2.0
"""Moves within a catalog, between catalogs, and of whole nested catalogs."""
import os

import pytest

from changer import World, fill
from publisher import SMALL_CHUNKS


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, "tags=no", *SMALL_CHUNKS)
    yield world
    world.close()


# From, to; all of them in the tree of fill().
MOVES = {
    "a file": [(b"/a/file", b"/a/renamed")],
    "a file to another directory": [(b"/a/file", b"/a/plain/f")],
    "a file over another": [(b"/a/file", b"/a/plain/file")],
    "a file into a nested catalog": [(b"/a/file", b"/a/b/c/f")],
    "a file out of a nested catalog": [(b"/a/b/file", b"/f")],
    "a file in chunks": [(b"/a/b/large2", b"/d/e/large")],
    "a file in chunks within its directory": [(b"/a/b/large2", b"/a/b/other")],
    "a file over another name of it": [(b"/a/b/large2", b"/a/b/large")],
    "a link and a device": [(b"/a/link", b"/d/e/link"), (b"/d/fifo", b"/a/b/fifo")],
    "a directory": [(b"/a/plain", b"/a/renamed")],
    "a directory to another": [(b"/a/plain", b"/d/plain")],
    "a directory into a nested catalog": [(b"/a/plain", b"/a/b/c/plain")],
    "a directory out of a nested catalog": [(b"/a/b/c", b"/c")],
    "a nested catalog": [(b"/d/e", b"/d/renamed")],
    "a nested catalog to another directory": [(b"/d/e", b"/e")],
    "a nested catalog into another": [(b"/d/e", b"/a/b/c/e")],
    "a nested catalog out of another": [(b"/a/b", b"/d/b")],
    "nested catalogs with others below": [(b"/a", b"/d/e/a")],
    "a directory with nested catalogs below": [(b"/d", b"/a/b/d")],
    "there and back": [(b"/a", b"/d/e/a"), (b"/d/e/a", b"/a")],
    "to where another was": [(b"/a/b", b"/b"), (b"/d/e", b"/a/b"), (b"/b", b"/d/e")],
    "below its own old name": [(b"/a", b"/x"), (b"/d", b"/a"), (b"/x", b"/a/a")],
    "a marker away": [(b"/a/.cvmfscatalog", b"/a/x")],
    "a marker to another directory": [(b"/a/.cvmfscatalog", b"/d/.cvmfscatalog")],
    "a marker to a directory below": [(b"/a/.cvmfscatalog", b"/a/plain/.cvmfscatalog")],
    "a file to a marker": [(b"/d/file", b"/d/.cvmfscatalog")],
    "a marker over another": [(b"/a/.cvmfscatalog", b"/a/b/.cvmfscatalog")],
    "nowhere": [(b"/a/file", b"/a/file"), (b"/a", b"/a")],
}


@pytest.mark.parametrize("name", MOVES)
def test_moves(world, name):
    fill(world)
    for old, new in MOVES[name]:
        assert world.move(old, new) is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()


@pytest.mark.parametrize("name", ["a nested catalog into another",
                                  "a directory with nested catalogs below",
                                  "a marker to a directory below"])
def test_moves_what_is_new_in_the_same_change_set(tmp_path, name):
    world = World(tmp_path, "tags=no", *SMALL_CHUNKS)
    world.commit = lambda: None
    world.verify = lambda: None
    fill(world)
    del world.commit, world.verify
    for old, new in MOVES[name]:
        assert world.move(old, new) is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()
    world.close()


def test_replaces_an_empty_directory(world):
    fill(world)
    assert world.mkdir(b"/empty") is None
    assert world.mkdir(b"/a/b/empty") is None
    assert world.move(b"/d", b"/a/b/empty") is None
    assert world.move(b"/a/plain", b"/empty") is None
    world.commit()
    world.verify()


@pytest.mark.parametrize("old, new, code", [
    (b"/missing", b"/x", "not-found"), (b"/a", b"/missing/x", "not-found"),
    (b"/a", b"/a/b/x", "usage"), (b"/a", b"/d", "exists"), (b"/a/plain", b"/a/b", "exists"),
    (b"/a/b/c", b"/a/b", "exists"), (b"/a/file", b"/d", "exists"),
    (b"/d", b"/a/file", "exists"), (b"/a/file", b"/a/file/x", "not-found"),
    (b"", b"/x", "usage"), (b"/a", b"", "usage"), (b"/a", b"/.cvmfs", "usage"),
    (b"/a/link", b"/d/.cvmfscatalog", "usage"), (b"/a", b"/.cvmfscatalog", "usage"),
])
def test_refuses_and_changes_nothing(world, old, new, code):
    fill(world)
    assert world.move(old, new) == code
    assert world.commit()["revision"] == 3


def test_refuses_what_would_be_nested_too_deep(world):
    fill(world)
    path = b""
    for _ in range(245):
        path += b"/x"
        assert world.mkdir(path) is None
    for moved in (b"/d", b"/a"):
        assert world.put(b"/d/e/1") is None
        for depth in range(1, 10):
            world.mkdir(b"/d/e" + b"/y" * depth)
        assert world.move(b"/d", path + b"/d") == "too-large"
    assert world.move(b"/a", path + b"/a") is None
    world.commit()
    world.verify()


def test_a_move_that_fails_half_way_changes_nothing(world):
    """A catalog deep in what is moved is missing."""
    tree = fill(world)
    name = tree.catalogs[b"/a/b"]["hash"] + "C"
    path = world.folder / "repository/storage/data" / name[:2] / name[2:]
    content = path.read_bytes()
    assert world.put(b"/a/before", b"x") is None
    path.unlink()
    for _ in range(2):
        assert world.move(b"/a", b"/d/e/a") == "io"
        assert world.move(b"/a/b", b"/d/b") == "io"
        assert world.remove(b"/a/b") == "io"
        assert world.put(b"/a/b/x") == "io"
    path.write_bytes(content)
    assert world.put(b"/a/b/after", b"y") is None
    assert world.put(b"/a/after", b"y") is None
    world.commit()
    world.verify()
    assert world.move(b"/a", b"/d/e/a") is None
    world.commit()
    world.verify()
    world.verify_same_as_directory()


def test_moves_more_catalogs_than_are_open_at_once(world):
    """Each has a change that is not stored yet."""
    assert world.mkdir(b"/top") is None
    for number in range(50):
        path = b"/top/%d" % (number % 10) + b"/n" * (number // 10)
        assert world.mkdir(path) is None
        assert world.put(path + b"/.cvmfscatalog") is None
        assert world.put(path + b"/file", path) is None
        if number == 25:
            world.commit()
    assert world.move(b"/top", b"/moved") is None
    assert world.put(b"/moved/7/n/n/new", b"new") is None
    assert world.mkdir(b"/top") is None
    assert world.move(b"/moved/3", b"/top/3") is None
    world.commit()
    assert world.last["catalogs"] == 51
    world.verify()
    world.verify_same_as_directory()


def test_a_directory_of_a_hundred_thousand_entries(tmp_path):
    world = World(tmp_path, "tags=no")
    count = 100_000
    tool = world.tool
    given = ["777", os.geteuid(), os.getegid(), 1]
    for path in (b"/huge", b"/d"):
        assert world.mkdir(path) is None
        assert world.put(path + b"/.cvmfscatalog") is None
    for number in range(count):
        assert tool.do("symlink", b"/huge/%d" % number, b"x", *given) is None
    assert world.put(b"/huge/file") is None
    for number in range(2000):
        assert tool.do("link", b"/huge/l%d" % number, b"/huge/file") is None
    world.commit()
    assert world.last["entries"] == count + 2000 + 8
    world.run_check()
    for number in range(0, count, 2):
        assert tool.do("remove", b"/huge/%d" % number) is None
    for number in range(0, 2000, 2):
        assert tool.do("remove", b"/huge/l%d" % number) is None
    assert tool.do("move", b"/huge", b"/d/huge") is None
    assert tool.do("remove", b"/d/.cvmfscatalog") is None
    world.commit()
    world.run_check()
    assert tool.do("remove", b"/d/huge/.cvmfscatalog") is None
    world.commit()
    world.run_check()
    assert tool.do("remove", b"/d/huge") is None
    world.commit()
    assert world.last["entries"] == 2
    world.close()
