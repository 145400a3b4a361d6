# SPDX-License-Identifier: Apache-2.0
"""/.cvmfsdirtab: which directories become nested catalogs, of a directory and in change sets."""

import os

import pytest

from changer import DIRTAB, MARKER, World
from publisher import Publisher

RULES = b"# comment\n  /sw/*  \n/data/*/v?\n! *.tmp\n!/sw/private\n"


@pytest.fixture
def publisher(folder):
    return Publisher(folder, "tags=no").create()


def catalogs(publisher):
    _, tree = publisher.repository().check()
    return tree, set(tree.catalogs)


def fill(publisher):
    publisher.write(b".cvmfsdirtab", RULES)
    for name in (b"sw/a", b"sw/.hidden", b"sw/b.tmp", b"sw/private", b"sw/a/below", b"data/x/v1",
                 b"data/x/v22", b"data/v1"):
        publisher.write(name + b"/file", b"")
    os.symlink("a", os.path.join(publisher.source, "sw", "link"))


def test_a_directory_is_cut_by_the_rules(publisher):
    fill(publisher)
    publisher.ingest()
    tree, found = catalogs(publisher)
    assert found == {b"", b"/sw/a", b"/sw/.hidden", b"/data/x/v1"}
    marker, above = tree.entries[b"/sw/a/" + MARKER], tree.entries[b"/sw/a"]
    assert (marker["mode"], marker["size"]) == (0o100644, 0)
    assert (marker["uid"], marker["mtime"]) == (above["uid"], above["mtime"])
    assert tree.content(b"/sw/a/" + MARKER) == b""


def test_the_same_content_is_the_same_catalog(publisher):
    fill(publisher)
    publisher.ingest()
    before, _ = catalogs(publisher)
    publisher.write(b"sw/.hidden/file", b"changed")
    publisher.ingest()
    after, _ = catalogs(publisher)
    same = {path for path in before.catalogs
            if before.catalogs[path]["hash"] == after.catalogs[path]["hash"]}
    assert same == {b"/sw/a", b"/data/x/v1"}


def test_a_marker_of_its_own_is_kept_and_rules_that_are_gone_leave_none(publisher):
    fill(publisher)
    publisher.write(b"sw/a/.cvmfscatalog", b"own")
    publisher.ingest()
    tree, _ = catalogs(publisher)
    assert tree.content(b"/sw/a/" + MARKER) == b"own"
    os.unlink(os.path.join(publisher.source, ".cvmfsdirtab"))
    publisher.ingest()
    assert catalogs(publisher)[1] == {b"", b"/sw/a"}


def test_what_has_a_markers_name_and_is_none_stays(publisher):
    fill(publisher)
    os.mkdir(os.path.join(publisher.source, "sw/a/.cvmfscatalog"))
    os.symlink("file", os.path.join(publisher.source, "sw/.hidden/.cvmfscatalog"))
    # The root's and that of /data/x/v1.
    assert publisher.ingest()["catalogs"] == 2


@pytest.mark.parametrize("rules, word", [
    (b"/a\nsw/*\n", ":2: the path has to begin with a slash"), (b"/a\\b\n", "backslash"),
    (b"/a\n!/a\n", "taken and left out"), (b"/a\n" * 600_000, "too large")],
                         ids=["relative", "escape", "both", "large"])
def test_wrong_rules_publish_nothing(publisher, rules, word):
    publisher.write(b".cvmfsdirtab", rules)
    before = publisher.manifest()
    assert word in publisher.refuse()
    assert publisher.manifest() == before


@pytest.mark.parametrize("kind", ["symlink", "directory"])
def test_what_is_no_file_has_no_rules(publisher, kind):
    publisher.write(b"sw/a/file")
    path = os.path.join(publisher.source, ".cvmfsdirtab")
    if kind == "symlink":
        os.symlink("/etc/passwd", path)
    else:
        os.mkdir(path)
    publisher.ingest()
    assert catalogs(publisher)[1] == {b""}


@pytest.fixture
def world(folder):
    made = World(folder, "tags=no")
    yield made
    made.close()


def check(world, *expected):
    world.commit()
    assert set(world.verify().catalogs) == {b"", *expected}


def test_new_and_moved_directories_and_lost_markers(world):
    for path in (b"/sw", b"/sw/old"):
        world.mkdir(path)
    check(world)
    world.put(DIRTAB, RULES)
    check(world, b"/sw/old")
    for path in (b"/other", b"/other/x", b"/other/x/v1", b"/other/x/v1/deep", b"/sw/new",
                 b"/sw/new/below", b"/sw/new.tmp"):
        world.mkdir(path)
    check(world, b"/sw/old", b"/sw/new")
    world.move(b"/other", b"/data")
    world.remove(b"/sw/old/" + MARKER)
    check(world, b"/sw/old", b"/sw/new", b"/data/x/v1")
    world.move(b"/sw/new", b"/sw/private")
    check(world, b"/sw/old", b"/data/x/v1", b"/sw/private")
    # What it brought along is a marker like any other.
    world.remove(b"/sw/private/" + MARKER)
    world.remove(b"/sw/old")
    check(world, b"/data/x/v1")
    world.remove(DIRTAB)
    world.mkdir(b"/sw/late")
    check(world, b"/data/x/v1")


def test_only_what_changed_is_looked_at(world):
    world.put(DIRTAB, RULES)
    for path in (b"/sw", b"/sw/a", b"/sw/b", b"/data"):
        world.mkdir(path)
    check(world, b"/sw/a", b"/sw/b")
    world.put(b"/data/file")
    world.commit()
    assert world.last["stored"] == 1
    world.verify()


def test_wrong_rules_can_be_put_right(world):
    world.mkdir(b"/sw")
    world.mkdir(b"/sw/a")
    world.commit()
    world.put(DIRTAB, b"no slash\n")
    answer = world.tool.ask("commit")
    assert answer.startswith("error bad-format"), answer
