# SPDX-License-Identifier: Apache-2.0
"""A publisher that means harm: it has the repository's key and signs what it likes."""

import pathlib
import shutil
import sqlite3
import subprocess
import tempfile
import zlib

from closure import object_path
from tree import digest


class Forger:
    """A copy of a published repository in FOLDER, to be forged: .storage."""

    def __init__(self, folder, published):
        self.folder = pathlib.Path(folder)
        self.storage = self.folder / "forged"
        shutil.copytree(published.storage, self.storage)
        self.key = published.folder / "keys" / f"{published.fqrn}.key"
        body = (self.storage / ".cvmfspublished").read_bytes().split(b"--\n")[0]
        self.lines = body.decode().splitlines()

    def field(self, letter):
        return next(line[1:] for line in self.lines if line[0] == letter)

    def put(self, content, letter="", compress=True):
        """Store an object under its right name; gives its hash."""
        content = zlib.compress(content, 1) if compress else content
        text = digest(content)
        path = self.storage / object_path(text, letter)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return text

    def inflated(self, letter):
        """The object that a field of the manifest names."""
        return zlib.decompress(
            (self.storage / object_path(self.field(letter), letter)).read_bytes())

    def sign(self, lines):
        """Publish a manifest of these lines, signed as it should be."""
        body = "".join(line + "\n" for line in lines).encode()
        text = digest(body).encode()
        signature = subprocess.run(["openssl", "dgst", "-sha1", "-sign", self.key],
                                   input=text, capture_output=True, check=True).stdout
        (self.storage / ".cvmfspublished").write_bytes(body + b"--\n" + text + b"\n" + signature)

    def publish(self, **fields):
        """A manifest with some fields changed; None leaves one out."""
        lines = [line for line in self.lines if line[0] not in fields]
        self.sign([letter + str(value) for letter, value in fields.items()
                   if value is not None] + lines)

    def publish_catalog(self, database, size=None, tags=True, **options):
        """Without tags nothing but this catalog leads to the nested ones."""
        fields = {} if tags else {"H": None}
        self.publish(C=self.put(database, "C", **options),
                     B=len(database) if size is None else size, **fields)


def alter(database, *statements):
    """The bytes of a database after some SQL; a statement may come with its parameters."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(database)
        file.flush()
        connection = sqlite3.connect(file.name)
        for statement in statements:
            if isinstance(statement, str):
                connection.execute(statement)
            else:
                connection.executemany(*statement)
        connection.commit()
        connection.execute("VACUUM")
        connection.close()
        return pathlib.Path(file.name).read_bytes()
