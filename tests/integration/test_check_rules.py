# SPDX-License-Identifier: Apache-2.0
"""replicactl check: each rule of catalogs and tags, broken in turn, is named."""

import zlib

import pytest

from checked import Below, Site, published  # noqa: F401 (a fixture)
from closure import object_path
from forger import Forger, alter

FILE = "rowid = (SELECT min(rowid) FROM catalog WHERE mode & 61440 = 32768 AND flags = 4)"
LARGE = "rowid = (SELECT rowid FROM catalog WHERE name = 'large')"
LINK = "rowid = (SELECT rowid FROM catalog WHERE name = 'link')"
FIFO = "rowid = (SELECT rowid FROM catalog WHERE name = 'fifo')"
FOLDER = "rowid = (SELECT rowid FROM catalog WHERE name = 'sw')"
MOUNT = "rowid = (SELECT min(rowid) FROM catalog WHERE flags & 2)"
TOP = "parent_1 = 0 AND parent_2 = 0"

# What is done to the root catalog, and what the check says of it.
RULES = [
    (f"UPDATE catalog SET mode = 33188 WHERE {TOP}", "/: the catalog's root is no directory"),
    (f"UPDATE catalog SET flags = 33 WHERE {TOP}",
     "/: the repository's root is marked as the root of a nested catalog"),
    (f"DELETE FROM catalog WHERE {TOP}", "/: the catalog's root has no row"),
    (f"UPDATE catalog SET name = '.cvmfscatalog', parent_1 = (SELECT md5path_1 FROM catalog"
     f" WHERE {FOLDER}), parent_2 = (SELECT md5path_2 FROM catalog WHERE {FOLDER}) WHERE {FILE}",
     "/sw/.cvmfscatalog: an abandoned marker"),
    (f"UPDATE catalog SET name = '' WHERE {FILE}", "an empty or impossible name"),
    (f"UPDATE catalog SET name = 'a/b' WHERE {FILE}", "an empty or impossible name"),
    (f"UPDATE catalog SET parent_1 = 5 WHERE {FILE}", "a row whose parent does not exist"),
    (f"UPDATE catalog SET name = 'other' WHERE {FILE}",
     "/other: a path hash that is not that of the path"),
    (f"UPDATE catalog SET parent_1 = (SELECT md5path_1 FROM catalog WHERE {LARGE}),"
     f" parent_2 = (SELECT md5path_2 FROM catalog WHERE {LARGE}) WHERE {LINK}",
     "/large/link: a row below something that is no directory"),
    (f"UPDATE catalog SET parent_1 = (SELECT md5path_1 FROM catalog WHERE {MOUNT}),"
     f" parent_2 = (SELECT md5path_2 FROM catalog WHERE {MOUNT}) WHERE {LINK}",
     "a row below the mountpoint of another catalog"),
    (f"UPDATE catalog SET parent_1 = 5 WHERE {FILE}", "can be reached from the catalog's root"),
    (f"UPDATE catalog SET mode = 420 WHERE {FILE}", "an unknown file type"),
    (f"UPDATE catalog SET flags = 4 WHERE {FOLDER}", "/sw: the flags contradict the file type"),
    (f"UPDATE catalog SET flags = 3 | 16384 WHERE {MOUNT}", "bind mountpoint at once"),
    (f"UPDATE catalog SET flags = 33 WHERE {FOLDER}",
     "/sw: the root of a nested catalog inside another"),
    (f"UPDATE catalog SET hash = x'0102' WHERE {FILE}", "a hash of the wrong length"),
    (f"UPDATE catalog SET flags = 4 | 1280 WHERE {FILE}", "an unknown hash algorithm"),
    (f"UPDATE catalog SET hash = NULL WHERE {FILE}", "a regular file without a hash"),
    (f"UPDATE catalog SET hash = zeroblob(20) WHERE {FILE}", "a regular file without a hash"),
    (f"UPDATE catalog SET hash = (SELECT hash FROM catalog WHERE {FILE}) WHERE {LINK}",
     "/link: a symbolic link with a hash"),
    (f"UPDATE catalog SET hash = (SELECT hash FROM catalog WHERE {FILE}) WHERE {FIFO}",
     "/fifo: a special file with a hash"),
    (f"UPDATE catalog SET size = 7 WHERE {FIFO}", "/fifo: a special file with a size"),
    (f"UPDATE catalog SET symlink = 'x' WHERE {FIFO}", "/fifo: a special file with the target"),
    (f"UPDATE catalog SET flags = flags | 128 WHERE {LINK}", "only regular files can be external"),
    (f"UPDATE catalog SET flags = flags | 65536 WHERE {LINK}", "have the direct I/O flag"),
    (f"UPDATE catalog SET flags = flags | 64 WHERE {LINK}", "only regular files can be in chunks"),
    (f"UPDATE catalog SET hardlinks = hardlinks | (9 << 32) WHERE {FOLDER}",
     "/sw: a directory in a group of hard links"),
    (f"UPDATE catalog SET hardlinks = 0 WHERE {FILE}", "a link count of 0"),
    (f"UPDATE catalog SET hardlinks = 2 WHERE {FILE}", "several links but no group"),
    (f"UPDATE catalog SET hardlinks = (77 << 32) | 2 WHERE {FILE}",
     "a link count that is not the number of the group's members"),
    (f"UPDATE catalog SET mtime = mtime + 1 WHERE {LARGE}", "hard links of one group that differ"),
    (f"UPDATE catalog SET hardlinks = 1 WHERE {FOLDER}",
     "/sw: a link count that is not 2 and the number of sub-directories"),
    (f"UPDATE catalog SET hardlinks = 99 WHERE {TOP}",
     "/: a link count that is not 2 and the number of sub-directories"),
    ("DELETE FROM chunks", "/large: no chunks for a file in chunks"),
    ("DELETE FROM chunks WHERE offset = 0", "/large: chunks that do not touch each other"),
    ("UPDATE chunks SET size = size + 1 WHERE offset = 0", "chunks that do not touch each other"),
    ("DELETE FROM chunks WHERE offset = (SELECT max(offset) FROM chunks)",
     "/large: chunks that do not add up to the file's size"),
    ("UPDATE chunks SET hash = NULL WHERE offset = 0", "/large: a chunk without a hash"),
    ("DELETE FROM nested_catalogs WHERE path = '/sw/package0'",
     "/sw/package0: a mountpoint that leads to no catalog"),
    ("UPDATE catalog SET flags = 1 WHERE name = 'package0'",
     "/sw/package0: a catalog at a path that is no mountpoint"),
    ("DELETE FROM catalog WHERE name = 'package0'", "/sw/package0: a catalog without a mountpoint"),
    ("INSERT INTO bind_mountpoints (path, sha1, size) SELECT path, sha1, size"
     " FROM nested_catalogs LIMIT 1", "a nested catalog and a bind mountpoint at one path"),
    ("INSERT INTO bind_mountpoints (path, sha1, size) SELECT '/nowhere', sha1, size"
     " FROM nested_catalogs LIMIT 1", "/nowhere: a catalog without a mountpoint"),
    ("UPDATE nested_catalogs SET size = 4711 WHERE path = '/sw/package0'",
     "/sw/package0: the catalog has"),
    ("UPDATE nested_catalogs SET sha1 = (SELECT n.sha1 FROM nested_catalogs AS n WHERE"
     " n.path = '/sw/package1') WHERE path = '/sw/package0'", "the same catalog as at"),
    ("UPDATE nested_catalogs SET sha1 = (SELECT n.sha1 FROM nested_catalogs AS n WHERE"
     " n.path = '/sw/package1') WHERE path = '/sw/package0'", "the catalog is made for"),
    ("UPDATE catalog SET mode = mode - 1 WHERE name = 'package0'",
     "/sw/package0: mountpoint and root of the nested catalog differ"),
    *[(f"UPDATE statistics SET value = value + 1 WHERE counter = '{level}_{name}'",
       f"/: the counter {level}_{name} is")
      for level in ("self", "subtree")
      for name in ("regular", "symlink", "special", "dir", "nested", "chunked", "chunks",
                   "file_size", "chunked_size", "xattr", "external", "external_file_size")],
    ("DELETE FROM statistics WHERE counter = 'self_special'", "the counter special is missing"),
]

# The same for a nested catalog.
NESTED_RULES = [
    ("UPDATE catalog SET flags = 1 WHERE flags & 32", "is not marked as one"),
    ("DELETE FROM catalog WHERE name = '.cvmfscatalog'",
     "a nested catalog without the marker .cvmfscatalog"),
    ("UPDATE properties SET value = '/sw/else' WHERE key = 'root_prefix'",
     "the catalog is made for /sw/else"),
    ("UPDATE statistics SET value = value + 1 WHERE counter = 'self_dir'",
     "/sw/package3: the counter self_dir is"),
    ("UPDATE statistics SET value = value + 1 WHERE counter = 'self_dir'",
     "/: the counter subtree_dir is"),
]


class Forged:
    """A replica whose head is forged over and over."""

    def __init__(self, folder, published):
        self.site = Site(folder, published)
        self.forger = Forger(folder, published)
        self.forger.storage = self.site.storage
        self.root = self.forger.inflated("C")

    def says(self, database, sentence, flags=("-r",)):
        self.forger.publish_catalog(database)
        self.site.check(*flags).assert_failed("CATALOG PROBLEMS", sentence)

    def child(self, path):
        file, database = Below(self.site.storage).database(zlib.compress(self.root))
        (text,) = database.execute("SELECT sha1 FROM nested_catalogs WHERE path = ?",
                                   (path,)).fetchone()
        file.close()
        return zlib.decompress(
            (self.site.storage / object_path(text.decode(), "C")).read_bytes())


@pytest.fixture(scope="module")
def forged(tmp_path_factory, published):
    forged = Forged(tmp_path_factory.mktemp("forged"), published)
    yield forged
    forged.site.close()


@pytest.mark.parametrize("statement, sentence", RULES)
def test_each_rule_is_kept_by_the_root(forged, statement, sentence):
    forged.says(alter(forged.root, statement), sentence)


@pytest.mark.parametrize("statement, sentence", NESTED_RULES)
def test_each_rule_is_kept_by_a_nested_catalog(forged, statement, sentence):
    child = alter(forged.child("/sw/package3"), statement)
    text = forged.forger.put(child, "C")
    root = alter(forged.root, f"UPDATE nested_catalogs SET sha1 = '{text}', size = {len(child)}"
                 " WHERE path = '/sw/package3'")
    forged.says(root, sentence)


def test_the_forged_head_is_sound_if_nothing_is_changed(forged):
    forged.forger.publish_catalog(alter(forged.root))
    forged.site.check("-r").assert_ok()


def test_a_head_of_another_size_is_named(forged):
    forged.forger.publish_catalog(forged.root, size=4711)
    forged.site.check("-r").assert_failed("/: the catalog has")


@pytest.mark.parametrize("statement, sentence", [
    ("UPDATE branches SET initial_revision = 1000", "of a revision older than its branch: tag"),
    ("UPDATE tags SET branch = 'gone' WHERE name = 'trunk'",
     "of a branch that does not exist: tag trunk"),
    ("INSERT INTO branches VALUES ('lonely', '', 0)", "without any tag: branch lonely"),
    ("INSERT INTO branches VALUES ('b!d', '', 0)", "invalid branch name b!d"),
    ("UPDATE properties SET value = 'x.example.net' WHERE key = 'fqrn'", "'x.example.net'"),
])
def test_a_tag_database_that_contradicts_itself(forged, statement, sentence):
    history = forged.forger.put(alter(forged.forger.inflated("H"), statement), "H")
    forged.forger.publish(H=history)
    forged.site.check("-r").assert_failed("tags: ", sentence)


def test_a_wrong_signature_is_named(forged):
    path = forged.site.storage / ".cvmfspublished"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    forged.site.check().assert_failed("head: ")
