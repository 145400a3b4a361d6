# SPDX-License-Identifier: Apache-2.0
"""Automatic catalogs: what must hold of them, and a world that has them."""
import contextlib
import os
import shutil
import stat

from changer import DIRTAB, MARKER, World, is_ruled
from publisher import Publisher
from repository_checks import DIRECTORY, parent_of

AUTOMATIC = b".cvmfsautocatalog"


def automatic(tree):
    """The nested catalogs that were made by weight."""
    return {path for path in tree.catalogs if path and path + b"/" + AUTOMATIC in tree.entries
            and not tree.entries[path + b"/" + AUTOMATIC]["flags"] & DIRECTORY}


def catalog_of(tree, path):
    while path not in tree.catalogs:
        path = parent_of(path)
    return path


def weights(tree, catalog):
    """Of the directories of one catalog, those of other catalogs left out."""
    found = {catalog: 1}
    within = [path for path in tree.entries if path.startswith(catalog + b"/") and
              catalog_of(tree, parent_of(path)) == catalog]
    for path in sorted(within, key=len, reverse=True):
        own = found.get(path, 1)
        if path not in tree.catalogs and tree.entries[path]["flags"] & DIRECTORY:
            found[path] = own
        found[parent_of(path)] = found.get(parent_of(path), 1) + own
    return found


def expect_markers(tree, path):
    """They are empty and look like their directory."""
    above = tree.entries[path]
    for name in (MARKER, AUTOMATIC):
        row = tree.entries[path + b"/" + name]
        assert (row["mode"], row["size"]) == (0o100600, 0)
        assert (row["uid"], row["gid"], row["mtime"]) == (above["uid"], above["gid"],
                                                          above["mtime"])
        assert tree.content(path + b"/" + name) == b""


def expect_balanced(tree, catalog, heavy, light, ruled=()):
    """Nothing is left to do in this catalog."""
    rows = tree.catalogs[catalog]["rows"]
    if catalog in automatic(tree) and catalog not in ruled:
        assert rows >= light, catalog
    if rows <= heavy:
        return
    found = weights(tree, catalog)
    assert found[catalog] == rows
    for path, weight in found.items():
        assert path == catalog or weight < max(light, 2) or \
            found[parent_of(path)] <= heavy // 2, path


class BalancedWorld(World):
    """The plain directory is given the markers that the repository has by weight."""

    def __init__(self, folder, heavy, light, *options):
        self.heavy, self.light = heavy, light
        self.before = None
        super().__init__(folder, "balance=yes", f"heavy={heavy}", f"light={light}", *options)

    def commit(self):
        super().commit()
        _, tree = self.repository.check()
        self.follow(tree)
        for path, it in tree.catalogs.items():
            if self.before is None or path not in self.before.catalogs or \
                    self.before.catalogs[path]["hash"] != it["hash"]:
                expect_balanced(tree, path, self.heavy, self.light, self.ruled(tree))
        self.before = tree
        return self.last

    def ruled(self, tree):
        if not os.path.isfile(self.at(DIRTAB)):
            return ()
        with open(self.at(DIRTAB), "rb") as file:
            rules = [line.strip() for line in file.read().split(b"\n")]
        return {path for path in tree.catalogs if path and is_ruled(rules, path)}

    def is_file(self, path):
        return os.path.lexists(self.at(path)) and stat.S_ISREG(os.lstat(self.at(path)).st_mode)

    def known(self):
        """Automatic catalogs as the plain directory has them."""
        found = set()
        for path, _, names in os.walk(self.plain):
            below = path[len(self.plain):]
            if below and MARKER in names and self.is_file(below + b"/" + MARKER) and \
                    AUTOMATIC in names:
                found.add(below)
        return found

    def follow(self, tree):
        here, there = self.known(), automatic(tree)
        for path in here - there:
            for name in (MARKER, AUTOMATIC):
                assert path + b"/" + name not in tree.entries
                os.unlink(self.at(path + b"/" + name))
        for path in there - here:
            had = self.is_file(path + b"/" + AUTOMATIC)
            # It was none, and the user has asked for none.
            assert not self.is_file(path + b"/" + MARKER), path
            assert tree.catalogs[path]["rows"] >= self.light + 2 - had
            if not had:
                expect_markers(tree, path)
            self.make_markers(path, tree)

    def make_markers(self, path, tree):
        for name in (MARKER, AUTOMATIC):
            marker = path + b"/" + name
            if not os.path.lexists(self.at(marker)):
                with open(self.at(marker), "wb"):
                    pass
                os.chmod(self.at(marker), 0o600)
                os.utime(self.at(marker), (1, tree.entries[marker]["mtime"]))

    def verify_same_as_directory(self):
        """Published as a directory the second time is like the first, also without the markers
        that the repository has by weight."""
        self.set_times()
        other = self.folder / "other"
        shutil.rmtree(other, ignore_errors=True)
        other.mkdir()
        publisher = Publisher(other, *self.options).create()
        first = self.publish_to(publisher)
        assert self.publish_to(publisher).catalogs.keys() == first.catalogs.keys()
        assert publisher.ingest(source=os.fsdecode(self.plain))["stored"] == 1
        with self.hidden(automatic(first)):
            bare = self.publish_to(publisher)
            assert bare.catalogs.keys() == first.catalogs.keys()
            assert publisher.ingest(source=os.fsdecode(self.plain))["stored"] == 1

    @contextlib.contextmanager
    def hidden(self, paths):
        """Without the markers of these directories."""
        names = [self.at(path + b"/" + name) for path in paths for name in (MARKER, AUTOMATIC)]
        aside = os.path.join(os.fsencode(self.folder), b"aside%d")
        for number, name in enumerate(names):
            os.rename(name, aside % number)
        self.set_times()
        yield
        for number, name in enumerate(names):
            os.rename(aside % number, name)
        self.set_times()

    def publish_to(self, publisher):
        publisher.ingest(source=os.fsdecode(self.plain))
        _, tree = publisher.repository().check()
        ruled = self.ruled(tree)
        for path in tree.catalogs:
            expect_balanced(tree, path, self.heavy, self.light, ruled)
        return tree

