# SPDX-License-Identifier: Apache-2.0
"""Random change sets give, after each commit, exactly the tree that the same changes give in a
plain directory."""
import os
import random
import stat

import pytest

from balancer import BalancedWorld
from changer import DIRTAB, MARKER, MODE, MTIME, OWNER, World
from conftest import memory_folder
from loops import count
from publisher import ODD_NAMES, SMALL_CHUNKS

# Change sets of one repository; then another one begins.
LENGTH = 20
HISTORIES = max(1, count("CHANGE_SETS") // LENGTH)
ENTRIES_MAX = 250
HUGE = 1500
RULES = [b"/*", b"/a*", b"/?/b*", b"/*/*", b"/c/*/*", b"/b", b"/*/a/?", b"/huge", b"/*/*/*/c"]
EXCEPTIONS = [b"!/a", b"! */bb", b"!*d*", b"! /*/c/?", b"!c"]


class History:
    """Changes by chance: most of them sensible, some that have to be refused."""

    def __init__(self, world, seed):
        self.world = world
        self.chance = random.Random(seed)
        self.log = []

    def do(self, verb, *arguments, expect=None):
        self.log.append((verb, *(word if not isinstance(word, bytes) or word[:1] == b"/"
                                 else len(word) for word in arguments)))
        code = getattr(self.world, verb)(*arguments)
        assert code == expect, code

    def status(self, path):
        try:
            return os.lstat(self.world.at(path))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_directory(self, path):
        status = self.status(path)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def is_regular(self, path):
        status = self.status(path)
        return status is not None and stat.S_ISREG(status.st_mode)

    def look(self):
        """All paths, those in the huge directory left out."""
        self.directories, self.others, self.where = [b""], [], None
        for path, folders, names in os.walk(self.world.plain):
            below = path[len(self.world.plain):]
            if len(names) > HUGE // 4:
                self.where = below
                folders[:] = []
                continue
            self.directories += [below + b"/" + name for name in folders
                                 if not os.path.islink(os.path.join(path, name))]
            self.others += [below + b"/" + name for name in folders + names
                            if not self.is_directory(below + b"/" + name)
                            and below + b"/" + name != DIRTAB]
        self.directories.sort()
        self.others.sort()

    def name(self):
        if self.chance.random() < 0.1:
            return self.chance.choice(ODD_NAMES)
        return self.chance.choice(b"abcdefgh").to_bytes(1, "big") * self.chance.choice((1, 1, 2))

    def new(self):
        """A path in a directory, where something may be."""
        return self.chance.choice(self.directories) + b"/" + self.name()

    def refused(self, path, wants_directory=False):
        if not self.is_directory(os.path.dirname(path)):
            return "not-found"
        if self.status(path) is not None and self.is_directory(path) != wants_directory:
            return "exists"
        return None

    def content(self):
        kind = self.chance.random()
        if kind < 0.2:
            return b""
        if kind < 0.9:
            return self.chance.randbytes(self.chance.randrange(200))
        return self.chance.randbytes(self.chance.randrange(10_000, 120_000))

    def put(self):
        path = self.new()
        if self.chance.random() < 0.3 and self.others:
            path = self.chance.choice(self.others)
        mode = self.chance.choice((0o644, 0o600, 0o755, 0o4711))
        self.do("put", path, self.content(), mode, expect=self.refused(path))

    def mkdir(self):
        path = self.new()
        self.do("mkdir", path, self.chance.choice((0o755, 0o700, 0o1777)),
                expect=self.refused(path, True))

    def symlink(self):
        path = self.new()
        self.do("symlink", path, self.name(), expect=self.refused(path))

    def fifo(self):
        path = self.new()
        self.do("fifo", path, expect=self.refused(path))

    def link(self):
        regular = [path for path in self.others if self.is_regular(path)]
        if not regular:
            return
        existing = self.chance.choice(regular)
        path = existing[:existing.rindex(b"/")] + b"/" + self.name()
        self.do("link", path, existing, expect=self.refused(path))

    def marker(self):
        path = self.chance.choice(self.directories) + b"/" + MARKER
        self.do("put", path, expect="usage" if path == b"/" + MARKER else None)

    def unmark(self):
        markers = [path for path in self.others if path.endswith(b"/" + MARKER)]
        if markers:
            self.do("remove", self.chance.choice(markers))

    def rules(self):
        """Which directories are nested catalogs anyway."""
        if self.chance.random() < 0.2 and self.status(DIRTAB):
            self.do("remove", DIRTAB)
            return
        taken = self.chance.sample(RULES, self.chance.randrange(1, 4))
        left_out = self.chance.sample(EXCEPTIONS, self.chance.randrange(3))
        self.do("put", DIRTAB, b"# rules\n\n" + b"\n".join(taken + left_out) + b"\n")

    def set(self):
        path = self.chance.choice(self.directories + self.others)
        if stat.S_ISLNK(self.status(path).st_mode):
            self.do("set", path, MTIME)
            return
        self.do("set", path, self.chance.choice((MODE, MTIME, MODE | MTIME, OWNER)),
                self.chance.choice((0o755, 0o700, 0o711)))

    def remove(self):
        paths = self.others + self.directories[1:]
        if paths:
            self.do("remove", self.chance.choice(paths))

    def move(self):
        paths = self.others + 2 * self.directories[1:]
        if not paths:
            return
        old, new = self.chance.choice(paths), self.new()
        if self.chance.random() < 0.15 and not self.is_directory(old):
            new = self.chance.choice(self.directories) + b"/" + MARKER
        self.do("move", old, new, expect=self.refused_move(old, new))

    def refused_move(self, old, new):
        is_below = new.startswith(old + b"/")
        if new == b"/" + MARKER:
            return "usage"
        if is_below and self.is_directory(old):
            # Whether there is a directory to put it in comes first.
            return "usage" if self.is_directory(os.path.dirname(new)) else "not-found"
        if not self.is_directory(os.path.dirname(new)):
            return "not-found"
        if new.endswith(b"/" + MARKER) and not self.is_regular(old):
            return "usage"
        if self.status(new) is None:
            return None
        if self.is_directory(old) != self.is_directory(new):
            return "exists"
        if self.is_directory(new) and old != new and os.listdir(self.world.at(new)):
            return "exists"
        return None

    def huge(self):
        """The one large directory: grown, moved, made a catalog, moved into one."""
        where = self.where
        if where is None:
            where = b"/huge"
            if self.status(where) is not None:
                self.do("remove", where)
            self.do("mkdir", where)
            for number in range(HUGE):
                self.do("symlink", where + b"/%d" % number, b"x")
        for _ in range(10):
            self.do("put", where + b"/f%d" % self.chance.randrange(200), b"x")
        marker = where + b"/" + MARKER
        if self.chance.random() < 0.5:
            self.do("remove" if self.status(marker) else "put", marker)
        target = self.chance.choice(self.directories) + b"/huge"
        if self.is_directory(os.path.dirname(target)):
            self.do("move", where, target, expect=self.refused_move(where, target))

    def change(self):
        self.look()
        crowded = len(self.others) + len(self.directories) > ENTRIES_MAX
        verbs = [(self.put, 12), (self.mkdir, 10), (self.symlink, 3), (self.fifo, 1),
                 (self.link, 5), (self.marker, 5), (self.unmark, 3), (self.set, 5),
                 (self.remove, 40 if crowded else 6), (self.move, 12), (self.huge, 0.4), (self.rules, 0.7)]
        self.chance.choices([verb for verb, _ in verbs], [weight for _, weight in verbs])[0]()


def run(world, seed, length=LENGTH):
    history = History(world, seed)
    try:
        for number in range(length):
            for _ in range(history.chance.choice((1, 3, 10, 30, 60))):
                history.change()
            history.log.append(("commit",))
            world.commit()
            world.verify()
            if number % 5 == 4:
                world.verify_same_as_directory()
    except (AssertionError, OSError) as problem:
        shown = "\n".join(map(repr, history.log[-80:]))
        raise AssertionError(f"seed {seed}: {problem}\nafter\n{shown}") from problem


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_random_changes_give_the_same_tree(seed):
    with memory_folder() as folder:
        world = World(folder, "tags=no", *SMALL_CHUNKS)
        run(world, seed)
        world.close()


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_random_changes_keep_catalogs_balanced(seed):
    with memory_folder() as folder:
        world = BalancedWorld(folder, 24, 8, "tags=no", *SMALL_CHUNKS)
        run(world, 1000 + seed)
        world.close()


def test_a_repository_with_a_long_history():
    with memory_folder() as folder:
        world = World(folder, "tags=no", *SMALL_CHUNKS)
        run(world, 2000, count("LONG_HISTORY"))
        world.close()
