# SPDX-License-Identifier: Apache-2.0
"""Small storage trees with real objects, and the configuration that names them."""

import hashlib
import os
import pathlib
import shutil
import zlib

SUFFIX = {"sha1": "", "shake128": "-shake128"}


def digest(content, algorithm="sha1"):
    """The hash of CONTENT as 40 digits."""
    if algorithm == "shake128":
        return hashlib.shake_128(content).hexdigest(20)
    return hashlib.new(algorithm, content).hexdigest()


def replace_file(path, content):
    """Put a new file in the place of an old one as the store does: whole, by rename."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.chmod(0o644)
    os.rename(temporary, path)


class Repository:
    """The tree of one repository."""

    def __init__(self, root, name):
        self.root = pathlib.Path(root)
        self.name = name
        self.url = f"/cvmfs/{name}"
        (self.root / "data" / "txn").mkdir(parents=True)

    def write(self, name, content):
        replace_file(self.root / name, content)
        return f"{self.url}/{name}"

    def add_object(self, content, letter="", algorithm="sha1"):
        """Store CONTENT as it is; gives its path below the root."""
        name = digest(content, algorithm) + SUFFIX[algorithm] + letter
        path = f"data/{name[:2]}/{name[2:]}"
        (self.root / "data" / name[:2]).mkdir(exist_ok=True)
        replace_file(self.root / path, content)
        return path

    def add_compressed(self, content, letter="", algorithm="sha1"):
        return self.add_object(zlib.compress(content), letter, algorithm)


class Tree:
    """A configuration directory and a storage directory below FOLDER."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.confdir = self.folder / "etc"
        self.storage = self.folder / "srv"
        (self.confdir / "repositories.d").mkdir(parents=True)
        (self.storage / "info" / "v1").mkdir(parents=True)
        self.configure_server()

    def configure_server(self, **settings):
        lines = {"REPLICA_STORAGE_DIR": self.storage,
                 "REPLICA_SPOOL_DIR": self.folder / "spool", **settings}
        (self.confdir / "server.local").write_text(
            "".join(f"{key}='{value}'\n" for key, value in lines.items()))

    def configure(self, name, storage=None, extra=""):
        """Write the files of a repository as add-replica does."""
        folder = self.confdir / "repositories.d" / name
        folder.mkdir(exist_ok=True)
        storage = storage or self.storage / name
        replace_file(folder / "replica.conf", b"CVMFS_NUM_WORKERS=16\n")
        replace_file(
            folder / "server.conf",
            f"CVMFS_REPOSITORY_NAME={name}\n"
            f"CVMFS_UPSTREAM_STORAGE=local,{storage}/data/txn,{storage}\n{extra}".encode())

    def forget(self, name):
        shutil.rmtree(self.confdir / "repositories.d" / name)

    def add_repository(self, name="sw.example.net"):
        self.configure(name)
        return Repository(self.storage / name, name)

    def write_info(self, name, content):
        replace_file(self.storage / "info" / "v1" / name, content)
        return f"/cvmfs/info/v1/{name}"
