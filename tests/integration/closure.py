# SPDX-License-Identifier: Apache-2.0
"""What a published manifest promises, found without the project's own code."""

import sqlite3
import tempfile
import zlib

from tree import SUFFIX, digest

SUFFIXES = dict(SUFFIX, rmd160="-rmd160")
ALGORITHM_OF_CODE = ("sha1", "rmd160", "shake128")
EXTERNAL = 128


def manifest_fields(storage):
    fields = {}
    for line in (storage / ".cvmfspublished").read_bytes().split(b"\n--\n")[0].split(b"\n"):
        fields[chr(line[0])] = line[1:].decode()
    return fields


def object_path(text, letter=""):
    return f"data/{text[:2]}/{text[2:]}{letter}"


def is_null(text):
    return not text or set(text[:40]) == {"0"}


class Broken(AssertionError):
    """An object that a manifest reaches is missing or damaged."""


class Closure:
    """All objects that the manifest in STORAGE reaches: .objects, paths below the storage.

    Each is read and hashed, except those below an optional tag root that is not there."""

    def __init__(self, storage):
        self.storage = storage
        self.objects = set()
        self.fields = manifest_fields(storage)
        fields = self.fields
        self.catalog(fields["C"])
        for letter in "XM":
            if fields.get(letter):
                self.read(object_path(fields[letter], letter))
        if fields.get("H"):
            self.history(fields["H"])

    def read(self, path):
        if path in self.objects:
            return None
        try:
            content = (self.storage / path).read_bytes()
        except FileNotFoundError:
            raise Broken(f"{path} is missing") from None
        name = path[5:7] + path[8:]
        algorithm = next((a for a, s in SUFFIXES.items() if s and s in name), "sha1")
        if not name.startswith(digest(content, algorithm)):
            raise Broken(f"{path} is damaged: {len(content)} bytes")
        self.objects.add(path)
        return content

    def database(self, content):
        file = tempfile.NamedTemporaryFile()
        file.write(zlib.decompress(content))
        file.flush()
        connection = sqlite3.connect(f"file:{file.name}?immutable=1", uri=True)
        connection.text_factory = bytes
        return file, connection

    def history(self, text):
        content = self.read(object_path(text, "H"))
        file, database = self.database(content)
        for (root,) in database.execute("SELECT hash FROM tags"):
            root = root.decode()
            if self.fields.get("G") == "yes" and not (
                    self.storage / object_path(root, "C")).exists():
                continue
            self.catalog(root)
        database.close()
        file.close()

    def catalog(self, text):
        to_do = [text]
        while to_do:
            content = self.read(object_path(to_do.pop(), "C"))
            if content is None:
                continue
            file, database = self.database(content)
            to_do += self.nested(database)
            for blob, flags in database.execute(
                    "SELECT hash, flags FROM catalog WHERE length(hash) > 0"):
                self.data(blob, flags, "")
            for blob, flags in database.execute(
                    "SELECT chunks.hash, flags FROM chunks JOIN catalog USING "
                    "(md5path_1, md5path_2)"):
                self.data(blob, flags, "P")
            database.close()
            file.close()

    def nested(self, database):
        return [row[0].decode() for row in database.execute("SELECT sha1 FROM nested_catalogs")]

    def data(self, blob, flags, letter):
        if flags & EXTERNAL:
            return
        algorithm = ALGORITHM_OF_CODE[flags >> 8 & 7]
        self.read(object_path(blob.hex() + SUFFIXES[algorithm], letter))


def stored_objects(storage):
    """Every object in a storage tree, by path."""
    return {str(path.relative_to(storage)) for path in (storage / "data").glob("??/*")}




def tag_roots(storage):
    """The root catalogs of the head and of all tags."""
    fields = manifest_fields(storage)
    file = tempfile.NamedTemporaryFile()
    file.write(zlib.decompress((storage / object_path(fields["H"], "H")).read_bytes()))
    file.flush()
    with sqlite3.connect(f"file:{file.name}?immutable=1", uri=True) as database:
        return {fields["C"]} | {row[0] for row in database.execute("SELECT hash FROM tags")}
