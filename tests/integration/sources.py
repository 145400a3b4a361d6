# SPDX-License-Identifier: Apache-2.0
"""Directories to publish: small, with something of every kind."""

import pathlib


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def fill(directory, random, packages=4, files=12, large=300_000):
    """Packages of small files, each a nested catalog, and one file that is cut into chunks."""
    directory = pathlib.Path(directory)
    for package in range(packages):
        folder = directory / "sw" / f"package{package}"
        write(folder / ".cvmfscatalog", b"")
        for number in range(files):
            write(folder / f"v{number % 3}" / f"file{number}",
                  random.randbytes(random.randrange(1, 4000)))
    write(directory / "sw" / "package0" / "deep" / ".cvmfscatalog", b"")
    write(directory / "sw" / "package0" / "deep" / "er" / "file", random.randbytes(100))
    write(directory / "large", random.randbytes(large))
    write(directory / "empty", b"")
    (directory / "link").symlink_to("sw/package0")
    return directory


def change(directory, random):
    """The next revision: one package changed, one gone, one new."""
    directory = pathlib.Path(directory)
    write(directory / "sw" / "package1" / "v0" / "file0", random.randbytes(5000))
    write(directory / "sw" / "fresh" / ".cvmfscatalog", b"")
    write(directory / "sw" / "fresh" / "file", random.randbytes(2000))
    gone = directory / "sw" / "package2"
    for path in sorted(gone.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    gone.rmdir()
