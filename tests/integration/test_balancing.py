# SPDX-License-Identifier: Apache-2.0
"""CVMFS_AUTOCATALOGS: heavy catalogs are divided, light ones given up, of a directory and in
change sets."""
import io
import os
import shutil
import tarfile

import pytest

from balancer import AUTOMATIC, BalancedWorld, automatic, expect_balanced, expect_markers
from changer import DIRTAB, MARKER
from publisher import FQRN, Publisher
from stratum0 import publish

HEAVY, LIGHT = 20, 9


class Directory:
    """A plain directory that is published as a whole."""

    def __init__(self, folder, *options):
        self.publisher = Publisher(folder, "balance=yes", f"heavy={HEAVY}", f"light={LIGHT}",
                                   "tags=no", *options).create()
        self.plain = os.fsencode(self.publisher.source)

    def put(self, path, content=b""):
        self.publisher.write(path[1:], content)

    def mkdir(self, path):
        os.makedirs(self.plain + path, exist_ok=True)

    def link(self, path, existing):
        os.link(self.plain + existing, self.plain + path)

    def remove(self, path):
        if os.path.isdir(self.plain + path):
            shutil.rmtree(self.plain + path)
        else:
            os.unlink(self.plain + path)

    def commit(self):
        self.last = self.publisher.ingest()

    def verify(self):
        _, tree = self.publisher.repository().check()
        for path in tree.catalogs:
            expect_balanced(tree, path, HEAVY, LIGHT)
        for path in automatic(tree):
            if not os.path.exists(self.plain + path + b"/" + AUTOMATIC):
                expect_markers(tree, path)
        return tree

    def close(self):
        pass


@pytest.fixture(params=["directory", "changes"])
def world(request, folder):
    made = Directory(folder) if request.param == "directory" else \
        BalancedWorld(folder, HEAVY, LIGHT, "tags=no")
    yield made
    made.close()


@pytest.fixture
def directory(folder):
    return Directory(folder)


def add_files(world, path, count, start=1):
    if path:
        above = b""
        for name in path.split(b"/")[1:]:
            above += b"/" + name
            world.mkdir(above)
    for number in range(start, start + count):
        world.put(path + b"/file%d" % number, b"x")


def remove_files(world, path, count):
    for number in range(1, count + 1):
        world.remove(path + b"/file%d" % number)


def expect(world, made=(), explicit=()):
    """Exactly these catalogs; returns the tree."""
    world.commit()
    tree = world.verify()
    assert automatic(tree) == set(made)
    assert set(tree.catalogs) == {b"", *made, *explicit}
    return tree


def test_what_the_reference_makes_of_the_same_changes(world):
    """The steps and the numbers of its own test."""
    add_files(world, b"", 25)
    add_files(world, b"/dir100", 100)
    add_files(world, b"/dir3", 3)
    add_files(world, b"/dir4", 4)
    world.put(b"/dir4/" + MARKER, b"y")
    expect(world, [b"/dir100"], [b"/dir4"])

    add_files(world, b"/dir/dir30", 30)
    remove_files(world, b"", 25)
    expect(world, [b"/dir100", b"/dir/dir30"], [b"/dir4"])

    add_files(world, b"/dir60", 60)
    expect(world, [b"/dir100", b"/dir/dir30", b"/dir60"], [b"/dir4"])

    remove_files(world, b"/dir60", 60)
    add_files(world, b"/dir60", 1)
    expect(world, [b"/dir100", b"/dir/dir30"], [b"/dir4"])

    world.put(b"/dir4/" + AUTOMATIC)
    expect(world, [b"/dir100", b"/dir/dir30"])

    for number in (6, 7, 11):
        add_files(world, b"/dir/dir30/dir/dir%d" % number, number)
    deep = [b"/dir100", b"/dir/dir30", b"/dir/dir30/dir"]
    expect(world, [*deep, b"/dir/dir30/dir/dir11"])

    remove_files(world, b"/dir/dir30/dir/dir11", 11)
    add_files(world, b"/dir/dir30/dir/dir11", 5)
    add_files(world, b"/dir/dir30/dir/dir7", 1, start=8)
    expect(world, [*deep, b"/dir/dir30/dir/dir7"])


def fill(world):
    """Catalogs within catalogs, hard links on both sides of where they are divided."""
    for top in (b"/a", b"/b"):
        add_files(world, top, 8)
        world.link(top + b"/linked", top + b"/file3")
        for name in (b"/x", b"/y", b"/y/z"):
            add_files(world, top + name, 12)
            world.link(top + name + b"/linked", top + name + b"/file2")
            world.link(top + name + b"/linked2", top + name + b"/file5")
    add_files(world, b"/small", 3)


MADE = [top + name for top in (b"/a", b"/b") for name in (b"", b"/x", b"/y", b"/y/z")]


def hashes(tree):
    return {path: it["hash"] for path, it in tree.catalogs.items() if path}


def test_the_second_time_nothing_is_left_to_do(world):
    fill(world)
    first = expect(world, MADE)
    world.put(b"/other")
    second = expect(world, MADE)
    assert hashes(first) == hashes(second)
    assert world.last["stored"] == 1


def test_a_directory_has_what_change_sets_lead_to(folder):
    trees = []
    for number, kind in enumerate((lambda below: BalancedWorld(below, HEAVY, LIGHT, "tags=no"),
                                   Directory)):
        below = folder / str(number)
        below.mkdir()
        world = kind(below)
        fill(world)
        trees.append(expect(world, MADE))
        world.close()
    assert trees[0].catalogs.keys() == trees[1].catalogs.keys()
    assert trees[0].entries.keys() == trees[1].entries.keys()


def test_light_ones_come_back_with_all_that_they_had(world):
    fill(world)
    deep = [b"/a/y/z/deep"]
    world.mkdir(deep[0])
    world.put(deep[0] + b"/" + MARKER)
    expect(world, MADE, deep)
    remove_files(world, b"/a/x", 12)
    remove_files(world, b"/a/y", 12)
    left = [path for path in MADE if path not in (b"/a/x", b"/a/y")]
    tree = expect(world, left, deep)
    world.put(b"/other")
    assert hashes(expect(world, left, deep)) == hashes(tree)


def test_what_is_asked_for_stays(world):
    world.put(DIRTAB, b"/ruled/*\n")
    for path in (b"/ruled", b"/ruled/few", b"/own"):
        world.mkdir(path)
    world.put(b"/ruled/few/file")
    world.put(b"/own/" + MARKER)
    add_files(world, b"/own/many", 30)
    add_files(world, b"/ruled/many", 30)
    asked = [b"/ruled/few", b"/ruled/many", b"/own"]
    tree = expect(world, [b"/own/many"], asked)
    assert tree.entries[b"/ruled/many/" + MARKER]["mode"] == 0o100644
    # Made by weight, then taken by the rules: they keep it.
    add_files(world, b"/late/many", 30)
    expect(world, [b"/own/many", b"/late/many"], asked)
    world.put(DIRTAB, b"/ruled/*\n/late/*\n")
    remove_files(world, b"/late/many", 29)
    world.commit()
    assert set(world.verify().catalogs) == {b"", b"/own/many", b"/late/many", *asked}


def test_what_cannot_be_divided_stays_whole(world):
    add_files(world, b"", 50)
    for number in range(10):
        add_files(world, b"/d%d" % number, 7)
    expect(world)


def test_a_directory_without_the_markers_keeps_its_catalogs(directory):
    fill(directory)
    tree = expect(directory, MADE)
    plain = {path for path in tree.entries
             if not path.endswith((b"/" + MARKER, b"/" + AUTOMATIC))}
    assert {path[len(directory.plain):] + b"/" + name
            for path, folders, names in os.walk(directory.plain)
            for name in folders + names} | {b""} == plain


def test_switched_off_it_changes_nothing(directory):
    fill(directory)
    before = expect(directory, MADE)
    directory.publisher.options = ("tags=no",)
    directory.commit()
    _, after = directory.publisher.repository().check()
    assert hashes(before) == hashes(after)
    # What grows, and what shrinks, stays as it is.
    add_files(directory, b"/grown", 100)
    remove_files(directory, b"/a/x", 12)
    directory.commit()
    _, after = directory.publisher.repository().check()
    assert automatic(after) == set(MADE) and set(after.catalogs) == {b"", *MADE}


def test_a_marker_of_its_own_makes_it_the_directorys(directory):
    fill(directory)
    expect(directory, MADE)
    directory.put(b"/a/x/" + MARKER)
    expect(directory, [path for path in MADE if path != b"/a/x"], [b"/a/x"])
    remove_files(directory, b"/a/x", 12)
    expect(directory, [path for path in MADE if path != b"/a/x"], [b"/a/x"])


@pytest.mark.parametrize("make", [
    lambda path: os.symlink("x", path), os.mkdir], ids=["symlink", "directory"])
def test_names_of_markers_that_are_none(directory, make):
    add_files(directory, b"/d", 30)
    make(directory.plain + b"/d/" + MARKER)
    directory.commit()
    assert directory.last["catalogs"] == 1
    os.rename(directory.plain + b"/d/" + MARKER, directory.plain + b"/d/" + AUTOMATIC)
    expect_catalogs(directory, {b"", b"/d"})
    make(directory.plain + b"/d/" + MARKER)
    directory.commit()
    assert directory.last["catalogs"] == 1


def expect_catalogs(directory, paths):
    directory.commit()
    _, tree = directory.publisher.repository().check()
    assert set(tree.catalogs) == paths


def archive(path, names):
    with tarfile.open(path, "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    return path


def test_the_settings_of_a_repository(folder):
    stratum0 = publish(folder, FQRN, CVMFS_AUTOCATALOGS="yes",
                       CVMFS_AUTOCATALOGS_MAX_WEIGHT=HEAVY, CVMFS_AUTOCATALOGS_MIN_WEIGHT=LIGHT)
    names = [f"sw/{folder}/{number}" for folder in "ab" for number in range(30)]
    stratum0.run("ingest", "-t", archive(folder / "first.tar", names), "-b", "/").assert_ok()
    stratum0.run("ingest", "-t", archive(folder / "again.tar", names[:40]), "-b", "/").assert_ok()
    shown = stratum0.run("list-catalogs").assert_ok().output
    assert "/sw/a" in shown and "/sw/b" in shown
    stratum0.run("check").assert_ok()
    source = folder / "source"
    (source / "sw").mkdir(parents=True)
    for name in names:
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text("x")
    stratum0.run("publish", "--from", source).assert_ok()
    again = stratum0.run("list-catalogs").assert_ok().output
    assert "/sw/a" in again and "/sw/b" in again
    stratum0.run("check").assert_ok()
