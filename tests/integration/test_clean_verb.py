# SPDX-License-Identifier: Apache-2.0
"""replicactl clean and housekeeping: as the calls of the upload API, without snapshotd."""

import sqlite3
import time

import pytest

from cli import OWNER
from test_expiry import database_of, records
from test_upload_gc import object_of
from uploads import NAME, good


def stop(uploads):
    uploads.httpd.stop()
    uploads.daemon.stop()


def expire(uploads, *paths):
    with database_of(uploads) as database:
        database.executemany("UPDATE expiry SET expires_at = 1 WHERE path = ?",
                             [(path,) for path in paths])


def paths(uploads):
    return set(uploads.tree().entries)


def test_clean_removes_what_has_expired(make_uploads):
    uploads = make_uploads()
    for name in ("due", "deep/er/due", "replaced", "stays"):
        good(uploads.put(name, name.encode(), query="?ttl_s=3600"))
    good(uploads.put("replaced", b"for ever", query="?ttl_s=0&overwrite=true"))
    stop(uploads)
    before = uploads.revision()
    expire(uploads, "/due", "/deep/er/due")
    assert f"2 expired in {NAME}: removed with revision {before + 1}" in uploads.site.run(
        "clean", NAME)
    assert uploads.revision() == before + 1
    assert paths(uploads) == {b"", b"/new_repository", b"/replaced", b"/stays"}
    assert records(uploads) == ["/stays"]
    assert "Nothing has expired" in uploads.site.run("clean", NAME)
    assert uploads.revision() == before + 1
    uploads.closure()


def test_clean_beside_snapshotd(make_uploads):
    uploads = make_uploads()
    good(uploads.put("due", b"due", query="?ttl_s=3600"))
    good(uploads.put("stays", b"stays", query="?ttl_s=3600"))
    expire(uploads, "/due")
    uploads.site.run("clean")
    assert good(uploads.get(""))["files"] == ["new_repository", "stays"]
    good(uploads.put("later", b"later"))
    uploads.closure()


def test_a_repository_that_nothing_was_uploaded_to(site):
    site.run("mkfs", "-o", OWNER, NAME)
    assert "Nothing has expired" in site.run("clean", NAME)
    # It is not collectable: there is nothing else to do.
    assert "Nothing has expired" in site.run("housekeeping")
    assert not (site.spool / NAME / "expiry.sqlite").exists()


def test_housekeeping_collects_too(make_uploads):
    uploads = make_uploads(REPLICA_GC_GRACE=1)
    good(uploads.put("name", b"old"))
    good(uploads.put("name", b"new", query="?overwrite=true"))
    good(uploads.put("due", b"due", query="?ttl_s=3600"))
    stop(uploads)
    uploads.site.run("mkfs", "-o", OWNER, "-g", "other.example.net")
    time.sleep(2.2)
    before = uploads.revision()
    expire(uploads, "/due")
    output = uploads.site.run("housekeeping")
    assert f"1 expired in {NAME}" in output and "Nothing has expired in other" in output
    assert uploads.revision() == before + 1
    assert not object_of(uploads, b"old").exists()
    assert object_of(uploads, b"new").exists()
    uploads.site.run("housekeeping", NAME)
    assert uploads.revision() == before + 1
    uploads.closure()


def test_one_that_fails_does_not_keep_the_others_from_it(make_uploads):
    uploads = make_uploads()
    good(uploads.put("due", b"due", query="?ttl_s=3600"))
    stop(uploads)
    uploads.site.run("mkfs", "-o", OWNER, "a.example.net")
    (uploads.site.storage / "a.example.net/.cvmfspublished").write_text("none")
    database = uploads.spool / "a.example.net/expiry.sqlite"
    database.write_bytes((uploads.spool / NAME / "expiry.sqlite").read_bytes())
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE expiry SET expires_at = 1")
    expire(uploads, "/due")
    before = uploads.revision()
    uploads.site.run("housekeeping", code=1)
    assert uploads.revision() == before + 1


@pytest.mark.parametrize("verb", ["clean", "housekeeping"])
def test_what_they_refuse(site, origin, published, verb):
    assert "Unrecognized option" in site.run(verb, "-x", code=3)
    assert "no.such" in site.run(verb, "no.such", code=1)
    site.run("add-replica", "-o", OWNER, origin.url(published.fqrn), published.key)
    assert "is not a stratum 0 repository" in site.run(verb, published.fqrn, code=1)
