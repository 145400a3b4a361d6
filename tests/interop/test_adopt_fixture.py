# SPDX-License-Identifier: Apache-2.0
"""A tree that the reference tools wrote is adopted, replicated on, checked and given back."""

import hashlib
import os
import pathlib
import random
import shutil
import tempfile

import pytest

from cli import IS_ROOT, ME
from origin import Origin
from reference import Reference, give

FIXTURES = os.environ.get("REPLICA_FIXTURES")
if not FIXTURES:
    pytest.skip("REPLICA_FIXTURES names no folder of fixtures", allow_module_level=True)
NAME = "sw.example.net"
OLD, NEW = ("daemon", "nobody") if IS_ROOT else (ME, ME)


@pytest.fixture
def adopted():
    fixture = pathlib.Path(FIXTURES) / "repositories" / NAME
    origin = Origin({NAME: fixture / "repository"}, random.Random(1))
    # Unlike pytest's own, one that other users may enter.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="replica-"))
    folder.chmod(0o755)
    server = Reference(folder / "server")
    key = server.folder / "key.pub"
    shutil.copy(fixture / "keys" / f"{NAME}.pub", key)
    key.chmod(0o644)
    storage = server.add(NAME, origin.url(NAME), key, OLD)
    shutil.copytree(fixture / "repository", storage, dirs_exist_ok=True, symlinks=True)
    for path in (storage, *storage.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    reflog = (storage / ".cvmfsreflog").read_bytes()
    (server.spool / NAME / "reflog.chksum").write_text(hashlib.sha1(reflog).hexdigest())
    (storage / ".cvmfs_last_snapshot").write_text("Fri Nov 20 11:25:07 UTC 2026\n")
    give(storage, OLD)
    give(server.spool / NAME, OLD)
    yield server
    origin.close()
    shutil.rmtree(folder)


def test_a_tree_of_the_reference_there_and_back(adopted):
    before = adopted.picture()
    assert "Cannot be adopted" not in adopted.adopt("--check", "-o", NEW)
    adopted.adopt("-o", NEW)
    assert "Catalog up to date" in adopted.run("snapshot", NAME)
    adopted.run("check", "-i", NAME)
    adopted.adopt("--undo")
    # Dates and status are what a snapshot writes; no object came, went or changed.
    status = (".cvmfs_status.json", ".cvmfs_last_snapshot", "snapshots.log", "slots",
              ".lock", "checks.log")
    after = adopted.picture()
    assert [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)
            and not any(part in name for part in status)] == []
    adopted.run("snapshot", NAME)
