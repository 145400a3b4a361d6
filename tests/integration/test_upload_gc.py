# SPDX-License-Identifier: Apache-2.0
"""Uploads and garbage: a collection that was cut off is finished first, and one that is due follows."""

import hashlib
import time

import pytest

from servers import wait_until
from uploads import NAME, UploadSite, good


@pytest.fixture
def uploads(folder):
    site = UploadSite(folder / "uploads", "-z", "-g", "-Z", "none")
    try:
        yield site.start()
    finally:
        site.close()


def object_of(uploads, content):
    name = hashlib.sha1(content).hexdigest()
    return uploads.storage / "data" / name[:2] / name[2:]


def write_journal(uploads, *contents):
    """As a collection leaves it that is killed before it has removed anything."""
    names = "".join(sorted(f"{hashlib.sha1(content).hexdigest()}\n" for content in contents))
    manifest = hashlib.sha1((uploads.storage / ".cvmfspublished").read_bytes()).hexdigest()
    text = f"replica gc journal 1\nrepository {NAME}\nmanifest {manifest}\ndata\n{names}"
    text += f"end {len(contents)} {hashlib.sha1(text.encode()).hexdigest()}\n"
    path = uploads.storage / ".replica_gc_journal"
    path.write_text(text)
    return path


def test_a_collection_that_was_cut_off_is_finished_first(uploads):
    good(uploads.put("name", b"wanted again"))
    good(uploads.put("name", b"other", query="?overwrite=true"))
    good(uploads.put("gone", b"not wanted"))
    good(uploads.put("gone", b"new", query="?overwrite=true"))
    journal = write_journal(uploads, b"wanted again", b"not wanted")
    good(uploads.put("again", b"wanted again"))
    assert not journal.exists()
    assert not object_of(uploads, b"not wanted").exists()
    assert uploads.get("again").body == b"wanted again"
    uploads.closure()


def test_a_collection_follows_when_it_is_due(uploads):
    uploads.configure(CVMFS_AUTO_GC="true", CVMFS_AUTO_GC_TIMESPAN="'1 second ago'",
                      CVMFS_AUTO_GC_LAPSE="'1 second ago'", REPLICA_GC_GRACE=1)
    good(uploads.put("name", b"first"))
    good(uploads.put("name", b"second", query="?overwrite=true"))
    before = uploads.revision()
    time.sleep(3)
    good(uploads.put("other", b"x"))
    wait_until(lambda: not object_of(uploads, b"first").exists(), "garbage is collected")
    assert uploads.revision() == before + 1
    wait_until(lambda: "gc repository=" in uploads.daemon.text(), "the log says so")
    uploads.closure()
