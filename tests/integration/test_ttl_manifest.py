# SPDX-License-Identifier: Apache-2.0
"""The file ttl.json: in the same revision as what it tells of, and only where it is wanted."""

import concurrent.futures
import io
import json
import random
import socket
import sqlite3
import tarfile
import time

import pytest

from held import UpdateLock
from servers import wait_until
from test_clean_verb import expire, stop
from test_uploads import message, restart
from uploads import NAME, detail, good, token_hash


@pytest.fixture
def uploads(make_uploads):
    return make_uploads(REPLICA_TTL_MANIFEST="yes")


def listed(uploads):
    """Path to time, of the present revision."""
    return {path: entry["expires_at"]
            for path, entry in json.loads(uploads.content(b"/ttl.json")).items()
            if entry.keys() == {"expires_at"}}


def expires_at(uploads, path):
    """Of its record, whatever is published."""
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        return database.execute("SELECT expires_at FROM expiry WHERE path = ?",
                                (path,)).fetchone()[0] / 1e6


def archive():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        entry = tarfile.TarInfo("inside")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    return file.getvalue()


def test_it_follows_uploads(uploads):
    before = uploads.revision()
    answers = {
        "one": good(uploads.put("one", b"one", query="?ttl_s=3600")),
        "a/b/two": good(uploads.put("a/b/two", b"two", query="?ttl_s=7200")),
        "large": good(uploads.put("large", random.Random(1).randbytes(300000),
                                  query="?ttl_s=3600")),
        "tree": good(uploads.put("tree", archive(), query="?ttl_s=3600&unpack=true")),
    }
    good(uploads.put("stays", b"stays", query="?ttl_s=0"))
    assert uploads.revision() == before + 5
    assert listed(uploads) == pytest.approx(
        {path: answer["expires_at"] for path, answer in answers.items()}, abs=0.001)
    assert json.loads(uploads.get("ttl.json").body)["one"]
    good(uploads.put("one", b"other", query="?ttl_s=0&overwrite=true"))
    good(uploads.request("DELETE", f"{NAME}/a/b/two"))
    assert set(listed(uploads)) == {"large", "tree"}
    assert uploads.revision() == before + 7
    uploads.closure()


def test_it_follows_changes_of_times(uploads):
    first = good(uploads.put("file", b"file", query="?ttl_s=100"))["expires_at"]
    before = uploads.revision()
    assert good(uploads.request("POST", f"{NAME}/file/ttl?ttl_s=5000"))["ttl_s"] == 5000
    assert uploads.revision() == before + 1
    assert listed(uploads)["file"] > first + 4000
    good(uploads.request("POST", f"{NAME}/file/ttl?ttl_s=0"))
    assert listed(uploads) == {}
    good(uploads.request("POST", f"{NAME}/file/ttl?ttl_s=100"))
    assert set(listed(uploads)) == {"file"}
    assert uploads.request("POST", f"{NAME}/none/ttl?ttl_s=100").status == 404
    assert uploads.revision() == before + 3
    # Its record is as good as before.
    expire(uploads, "/file")
    good(uploads.request("POST", f"{NAME}/clean"))
    assert uploads.get("file").status == 404


def test_a_time_that_was_set_comes_whoever_waits(uploads):
    first = good(uploads.put("file", b"file", query="?ttl_s=100"))["expires_at"]
    before = uploads.revision()
    with UpdateLock(uploads), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(uploads.site.folder / "socket"))
        connection.sendall(message(8, 1, repository=NAME, token=token_hash("secret"),
                                   path="/file", ttl_seconds=5000, deadline=1000))
        wait_until(lambda: expires_at(uploads, "/file") > first + 4000, "the time is set")
        connection.close()
        time.sleep(1)
    wait_until(lambda: uploads.revision() == before + 1, "it is published")
    assert listed(uploads)["file"] > first + 4000


def test_who_sets_a_time_and_cannot_know_is_told_so(uploads):
    first = good(uploads.put("file", b"file", query="?ttl_s=100"))["expires_at"]
    with UpdateLock(uploads), concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(uploads.request, "POST", f"{NAME}/file/ttl?ttl_s=5000")
        wait_until(lambda: expires_at(uploads, "/file") > first + 4000, "the time is set")
        uploads.daemon.process.kill()
        reason = detail(answer.result(), 503)
    assert "may be published" in reason and f"GET /repos/{NAME}/ttl.json " in reason
    restart(uploads)


@pytest.mark.parametrize("by_verb", [False, True])
def test_it_follows_what_expires(uploads, by_verb):
    for name in ("due", "later"):
        good(uploads.put(name, name.encode(), query="?ttl_s=3600"))
    before = uploads.revision()
    if by_verb:
        stop(uploads)
    expire(uploads, "/due")
    if by_verb:
        uploads.site.run("clean", NAME)
    else:
        good(uploads.request("POST", f"{NAME}/clean"))
    assert uploads.revision() == before + 1
    assert set(listed(uploads)) == {"later"}
    assert set(uploads.tree().entries) == {b"", b"/later", b"/new_repository", b"/ttl.json"}


def test_it_lists_only_what_is_there(uploads):
    """A record that a crash left, and one of what was replaced in another way."""
    good(uploads.put("file", b"file", query="?ttl_s=3600"))
    good(uploads.put("replaced", b"old", query="?ttl_s=3600"))
    source = uploads.folder / "new.tar"
    with tarfile.open(source, "w") as tar:
        entry = tarfile.TarInfo("replaced")
        entry.size, entry.mtime = 3, 1
        tar.addfile(entry, io.BytesIO(b"new"))
    source.chmod(0o644)
    uploads.site.run("ingest", "-t", source, "-b", "/", NAME)
    good(uploads.put("next", b"next", query="?ttl_s=0"))
    assert set(listed(uploads)) == {"file"}


def test_a_directory_of_that_name(uploads):
    source = uploads.folder / "new.tar"
    source.write_bytes(archive())
    source.chmod(0o644)
    uploads.site.run("ingest", "-t", source, "-b", "ttl.json", NAME)
    good(uploads.put("file", b"file", query="?ttl_s=3600"))
    assert uploads.content(b"/ttl.json/inside") == b"x"
    assert "/ttl.json is a directory" in uploads.daemon.text()


@pytest.mark.parametrize("wanted", ["yes", "no"])
def test_its_name_is_reserved(make_uploads, wanted):
    uploads = make_uploads(REPLICA_TTL_MANIFEST=wanted)
    before = uploads.revision()
    assert "reserved" in detail(uploads.put("ttl.json", b"{}"), 400)
    assert "reserved" in detail(uploads.put("ttl.json/below", b"{}"), 400)
    assert "reserved" in detail(uploads.post("ttl.json", b"{}"), 400)
    assert "reserved" in detail(uploads.request("DELETE", f"{NAME}/ttl.json"), 400)
    assert "reserved" in detail(uploads.request("POST", f"{NAME}/ttl.json/ttl?ttl_s=1"), 400)
    assert uploads.get("ttl.json").status == 404
    assert uploads.revision() == before


def test_by_default_there_is_none(make_uploads):
    uploads = make_uploads()
    good(uploads.put("file", b"file", query="?ttl_s=3600"))
    before = uploads.revision()
    good(uploads.request("POST", f"{NAME}/file/ttl?ttl_s=5000"))
    assert uploads.revision() == before
    assert b"/ttl.json" not in uploads.tree().entries
