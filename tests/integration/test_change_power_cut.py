# SPDX-License-Identifier: Apache-2.0
"""The power fails while a change set is committed: what is published is whole, old or new, and the
next change set goes on from there."""

import functools
import os
import random
import subprocess

import pytest

from changer import TOOL, QuickRepository, comparable, escape
from closure import SUFFIXES, Broken, Closure, stored_objects
from conftest import memory_folder
from loops import count
from power_cut import STYLES, Recording
from publisher import FQRN, SMALL_CHUNKS, Publisher
from tree import digest

OPTIONS = ("tags=yes", "collectable=yes", *SMALL_CHUNKS)
GIVEN = ("644", os.geteuid(), os.getegid(), 1_600_000_000)
FOLDER = ("755", *GIVEN[1:])


class Site:
    """A repository with one change set, and the lines of the next."""

    def __init__(self, folder):
        self.publisher = Publisher(folder, *OPTIONS).create()
        self.folder = self.publisher.folder / "repository"
        self.storage = self.folder / "storage"
        # What is recorded: see power_cut.Recording.
        self.file_systems = [self.storage, self.folder / "spool"]
        self.contents = folder / "contents"
        self.contents.mkdir()
        self.chance = random.Random(3)
        self.apply(self.write("first", self.first()))
        self.before = self.read()
        self.next = self.write("next", self.second())

    def content(self, size):
        path = self.contents / str(len(list(self.contents.iterdir())))
        path.write_bytes(self.chance.randbytes(size))
        return path

    def put(self, path, size=100):
        return "put", path, self.content(size), *GIVEN

    def first(self):
        for folder in ("/a", "/a/b", "/c", "/c/d"):
            yield "mkdir", folder, *FOLDER
            yield self.put(folder + "/file")
        for folder in ("/a/b", "/c"):
            yield self.put(folder + "/.cvmfscatalog", 0)
        yield self.put("/a/large", 90_000)
        yield ("commit",)

    def second(self):
        for number in range(6):
            yield self.put(f"/a/b/{number}", 3000)
        yield self.put("/a/large", 100_000)
        yield "link", "/a/b/link", "/a/b/1"
        yield "move", "/c", "/a/c"
        yield self.put("/a/c/d/.cvmfscatalog", 0)
        yield "remove", "/a/b/.cvmfscatalog"
        yield "remove", "/a/c/file"
        yield ("commit",)

    def write(self, name, lines):
        path = self.folder.parent / name
        path.write_bytes(b"".join(b"\t".join(map(escape, words)) + b"\n" for words in lines))
        return path

    def begin(self, script, **environment):
        with open(script, "rb") as file:
            return subprocess.Popen([TOOL, "apply", self.folder, FQRN, *OPTIONS], stdin=file,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                    env=dict(os.environ, **environment))

    def apply(self, script):
        output, _ = self.begin(script).communicate()
        assert "error" not in output, output

    def manifest(self):
        return (self.storage / ".cvmfspublished").read_bytes()

    def read(self):
        """All of it verified; what is in it."""
        _, tree = QuickRepository(self.folder, FQRN, self.folder.parent / "scratch").check()
        return {path: comparable(row, path) for path, row in tree.entries.items()}

    def record(self):
        return Recording(self, functools.partial(self.begin, self.next))


@pytest.fixture
def site():
    with memory_folder() as folder:
        yield Site(folder)


def assert_goes_on(site, expected):
    """The next change set adds one file to what was published, and nothing is damaged."""
    site.apply(site.write("after", [site.put("/after"), ("commit",)]))
    found = site.read()
    assert found.pop(b"/after")
    assert found == expected
    for path in stored_objects(site.storage):
        name = path[5:7] + path[8:]
        algorithm = next((a for a, s in SUFFIXES.items() if s and s in name), "sha1")
        content = (site.storage / path).read_bytes()
        assert name.startswith(digest(content, algorithm)), path
    assert not os.listdir(site.storage / "data/txn")
    assert not (site.storage / ".replica_dirty").exists()


def test_a_power_cut_costs_nothing_that_is_published(site):
    old = site.manifest()
    recording = site.record()
    after, new = site.read(), site.manifest()
    assert after != site.before
    last, number = len(recording.operations), count("COMMIT_POWER_CUTS")
    seen = set()
    for seed in range(number):
        operations, style = seed * last // max(1, number - 1), STYLES[seed % len(STYLES)]
        recording.disk(operations).cut(style, random.Random(seed))
        try:
            found = site.manifest()
            seen.add(found)
            assert found in (old, new)
            Closure(site.storage)
            assert_goes_on(site, after if found == new else site.before)
        except AssertionError as problem:
            raise AssertionError(
                f"cut {seed} ({style}) after {operations} operations, "
                f"{recording.operations[max(0, operations - 3):operations]}: {problem}") from None
    assert number < 20 or seen == {old, new}


def test_without_barriers_the_model_finds_a_broken_revision(site):
    """The test above would see it."""
    recording = site.record()
    new = site.manifest()
    last = len(recording.operations)
    for seed in range(300):
        recording.disk(last - seed % (last // 4), ("syncfs",)).cut("mixed", random.Random(seed))
        if site.manifest() != new:
            continue
        try:
            Closure(site.storage)
        except Broken:
            return
    pytest.fail("nothing was broken")
