# SPDX-License-Identifier: Apache-2.0
"""Lines in syslog: the reference's words under the reference's tag, which operators' rules look for."""

import fcntl
import json
import shutil

import pytest

from cli import OWNER
from conftest import make_folder
from replica import Published
from servers import BUILD, SANITIZED

SHIM = BUILD / "tests/integration/.libs/syslog_shim.so"
NAME = "sw.example.net"
pytestmark = pytest.mark.skipif(SANITIZED, reason="the sanitizers' libraries must come first")


@pytest.fixture(scope="module")
def published():
    path = make_folder()
    repository = Published(path / "published", NAME, "collectable=yes")
    repository.key.chmod(0o644)
    yield repository
    shutil.rmtree(path)


@pytest.fixture
def listen(site):
    """A function that runs a verb: what it said to syslog."""
    file = site.folder / "syslog"

    def run(*arguments, code=0):
        # The verb may have become the repository's owner by then.
        file.write_text("")
        file.chmod(0o666)
        site.run(*arguments, code=code, LD_PRELOAD=str(SHIM), SYSLOG_FILE=str(file))
        said = file.read_text().splitlines()
        assert all(line.startswith("cvmfs_server: ") for line in said), said
        return [line.partition(": ")[2].replace(f"({NAME}) ", "", 1) for line in said]

    return run


@pytest.fixture
def lines(site, origin, published, listen):
    """The same, beside a replica."""
    site.run("add-replica", "-o", OWNER, origin.url(NAME), published.key)
    return listen


def held(path):
    """An open lock file; whoever holds it is another process for flock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = open(path, "w", encoding="ascii")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def test_snapshots(lines, site, origin):
    url = origin.url(NAME)
    assert lines("snapshot", NAME) == [f"started snapshotting from {url}",
                                       f"successfully snapshotted from {url}"]
    origin.fault("cvmfspublished", "status", 503)
    assert lines("snapshot", NAME, code=1) == [f"started snapshotting from {url}",
                                               f"failed to snapshot from {url}"]
    with held(site.spool / NAME / "is_updating.lock"):
        assert lines("snapshot", "-t", NAME, code=1) == ["did not snapshot (another update in progress)"]


def test_a_first_snapshot_beside_another(lines, site):
    with held(site.spool / NAME / "is_updating.lock"):
        assert lines("snapshot", NAME, code=1) == ["did not snapshot (initial snapshot in progress)"]
        assert lines("snapshot", "-t", NAME, code=1) == ["did not snapshot (another update in progress)"]


def test_garbage_collections(lines, site):
    lines("snapshot", NAME)
    assert lines("gc", "-f", NAME) == ["started garbage collection",
                                       "successfully finished garbage collection"]
    assert lines("gc", "-f", "-d", NAME) == []
    with held(site.spool / NAME / "is_collecting.lock"):
        assert lines("gc", "-f", NAME, code=1) == ["did not gc (check or gc in progress)"]
    for path in (site.storage / NAME / "data").glob("??/*C"):
        path.write_bytes(b"damaged")
    assert lines("gc", "-f", "-r", 0, NAME, code=1) == ["started garbage collection",
                                                        "failed to garbage collect"]


def test_checks(lines, site):
    lines("snapshot", NAME)
    site.set(CVMFS_CHECK_ALL_MIN_DAYS=0)
    assert lines("check", "-a") == ["started check", "successfully completed check"]
    for path in (site.storage / NAME / "data").glob("??/*C"):
        path.unlink()
    assert lines("check", "-a") == ["started check", "check failed"]
    path = site.spool / "is_checking_all.lock"
    with held(path):
        assert lines("check", "-a", code=1) == [
            f"skipping start of cvmfs_server check because {path} held by active process"]


def test_a_reflog_that_is_made_anew(lines, site):
    lines("snapshot", NAME)
    (site.storage / NAME / ".cvmfsreflog").unlink()
    assert lines("check", "-r", NAME) == ["reference log reconstruction started",
                                          "successfully reconstructed reference log"]
    status = json.loads((site.storage / NAME / ".cvmfs_status.json").read_text())
    assert "last_error" not in status


def test_publications(listen, site):
    site.run("mkfs", "-o", OWNER, NAME)
    source = site.folder / "source"
    source.mkdir()
    (source / "file").write_text("content")
    for number, verb in ((2, "publish"), (3, "ingest")):
        (source / verb).write_text("new")
        assert listen(verb, "--from", source, NAME) == ["started publishing",
                                                        f"successfully published revision {number}"]
    assert listen("ingest", "-d", "ingest", NAME)[-1] == "successfully published revision 4"
    for verb in ("publish", "ingest"):
        assert listen(verb, "--from", source / "none", NAME, code=1) == ["started publishing",
                                                                         "failed to publish"]
