# SPDX-License-Identifier: Apache-2.0
"""What garbage collection has to keep and to remove, found without the project's own code."""

import hashlib
import sqlite3
import tempfile
import zlib

from closure import ALGORITHM_OF_CODE, EXTERNAL, SUFFIXES, is_null, manifest_fields, object_path

LETTERS = {0: "C", 1: "X", 2: "H", 3: "M"}


class Store:
    """Reads the catalogs of a storage tree, each once."""

    def __init__(self, storage):
        self.storage = storage
        self.known = {}

    def database(self, path):
        try:
            content = zlib.decompress((self.storage / path).read_bytes())
        except FileNotFoundError:
            return None
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            source = sqlite3.connect(f"file:{file.name}?immutable=1", uri=True)
            copy = sqlite3.connect(":memory:")
            source.backup(copy)
            source.close()
        return copy

    def catalog(self, text):
        """(properties, nested, paths of data) or None."""
        if text not in self.known:
            self.known[text] = self.read(text)
        return self.known[text]

    def read(self, text):
        database = self.database(object_path(text, "C"))
        if database is None:
            return None
        data = set()
        for sql, letter in (
                ("SELECT hash, flags FROM catalog WHERE length(hash) > 0", ""),
                ("SELECT chunks.hash, flags FROM chunks JOIN catalog "
                 "USING (md5path_1, md5path_2)", "P")):
            for blob, flags in database.execute(sql):
                if not flags & EXTERNAL:
                    suffix = SUFFIXES[ALGORITHM_OF_CODE[flags >> 8 & 7]]
                    data.add(object_path(blob.hex() + suffix, letter))
        return (dict(database.execute("SELECT key, value FROM properties")),
                [row[0] for row in database.execute("SELECT sha1 FROM nested_catalogs")], data)

    def tree(self, root):
        """Paths of all objects below a root that is there, whether they are or not."""
        paths, to_do = set(), [root]
        while to_do:
            text = to_do.pop()
            path = object_path(text, "C")
            if path in paths:
                continue
            paths.add(path)
            catalog = self.catalog(text)
            if catalog is not None:
                to_do += catalog[1]
                paths |= catalog[2]
        return paths

    def reflog(self):
        """{hash: (type, timestamp)}"""
        with sqlite3.connect(f"file:{self.storage}/.cvmfsreflog?immutable=1", uri=True) as file:
            return {h: (t, s) for h, t, s in
                    file.execute("SELECT hash, type, timestamp FROM refs")}

    def tags(self):
        text = manifest_fields(self.storage).get("H")
        if not text:
            return []
        return [row[0] for row in self.database(object_path(text, "H")).execute(
            "SELECT hash FROM tags")]

    def chain(self, goes_on):
        """The roots that a rule keeps, head first, with their ages."""
        reflog = self.reflog()
        text, kept = manifest_fields(self.storage)["C"], []
        while not is_null(text):
            catalog = self.catalog(text)
            if catalog is None:
                break
            age = reflog.get(text, (0, int(catalog[0]["last_modified"])))[1]
            kept.append((text, age))
            if not goes_on(len(kept) - 1, age):
                break
            text = catalog[0].get("previous_revision", "")
        return kept


class Expected:
    """.removed and .reflog, the hashes that stay in it, for one of the two rules; besides, what
    was current at IN_USE or later is kept."""

    def __init__(self, storage, revisions=None, since=None, in_use=None):
        store = Store(storage)
        fields = manifest_fields(storage)
        chain = store.chain(lambda depth, age: (in_use is not None and age >= in_use) or
                            (depth < revisions if since is None else age >= since))
        roots = [text for text, _ in chain]
        roots += [text for text in store.tags() if store.catalog(text) is not None]
        self.kept = set().union(*(store.tree(root) for root in roots))
        oldest = min(age for _, age in chain)
        reflog = store.reflog()
        if in_use is not None:
            current = max((age for _, age in reflog.values() if age < in_use), default=0)
            oldest = min(oldest, current)
            for text, (kind, age) in reflog.items():
                if kind == 0 and age >= in_use and store.catalog(text) is not None:
                    self.kept |= store.tree(text)
        digests = {path[5:7] + path[8:46] for path in self.kept}
        condemned = [text for text, (kind, _) in reflog.items()
                     if kind == 0 and text[:40] not in digests]
        old = [text for text, (kind, age) in reflog.items()
               if kind != 0 and age < oldest
               and text not in (fields.get("X"), fields.get("H"), fields.get("M"))]
        trees = set().union(*(store.tree(root) for root in condemned))
        self.removed = {path for path in trees if path[5:7] + path[8:46] not in digests}
        self.removed |= {object_path(text, LETTERS[reflog[text][0]]) for text in old}
        self.reflog = set(reflog) - set(condemned) - set(old)


def set_ages(replica, age_of):
    """Make the reflog say that objects came at other times: AGE_OF(hash, type, time)."""
    path = replica.storage / ".cvmfsreflog"
    with sqlite3.connect(path) as file:
        for text, kind, time in file.execute("SELECT hash, type, timestamp FROM refs").fetchall():
            file.execute("UPDATE refs SET timestamp = ? WHERE hash = ?",
                         (age_of(text, kind, time), text))
    file.close()
    write_checksum(replica)


def write_checksum(replica):
    content = (replica.storage / ".cvmfsreflog").read_bytes()
    (replica.spool / "reflog.chksum").write_text(hashlib.sha1(content).hexdigest())


def names(paths):
    """As the deletion log has them."""
    return {path[5:7] + path[8:] for path in paths}


def tree_of_present(store, path):
    """What a catalog that is there refers to itself."""
    _, nested, data = store.catalog(path[5:7] + path[8:-1])
    return data | {object_path(text, "C") for text in nested}
