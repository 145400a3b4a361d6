# SPDX-License-Identifier: Apache-2.0
"""Uploads with unpack=true: the tree of an archive, all of it or nothing."""

import concurrent.futures
import gzip
import os
import random
import sqlite3
import subprocess
import tarfile
import time

import pytest

from held import UpdateLock
from servers import wait_until
from shelf import file, folder_entry, tar
from test_unpack import docker
from test_uploads import restart
from uploads import NAME, UploadSite, detail, good

TREE = [folder_entry("d"), file("d/one", b"one"), file("two", b"two")]


@pytest.fixture
def uploads(shared_uploads):
    return shared_uploads("-Z", "none", repository={"CVMFS_FILE_MBYTE_LIMIT": 8,
                                                    "REPLICA_UNPACK_MBYTE_LIMIT": 4,
                                                    "REPLICA_UNPACK_ENTRIES": 50})


def below(uploads, path):
    return sorted(entry[len(path):] for entry in uploads.tree().entries
                  if entry.startswith(path + b"/"))


def test_a_tree(uploads):
    before = uploads.revision()
    answer = good(uploads.put("trees/first", gzip.compress(tar(TREE)), "?unpack=true"))
    assert answer["filename"] == "trees/first" and answer["expires_at"] > time.time() + 7000
    assert uploads.revision() == before + 1
    assert below(uploads, b"/trees/first") == [b"/.cvmfscatalog", b"/d", b"/d/one", b"/two"]
    assert uploads.get("trees/first/d/one").body == b"one"
    uploads.expect_no_temporary_files()
    uploads.closure()


def test_a_form_and_an_image(uploads):
    layer = tar([file("app", b"x")])
    good(uploads.post("image", docker([layer]), "?unpack=true&ttl_s=0"))
    assert uploads.get("image/app").body == b"x"
    assert b"/.singularity.d" in below(uploads, b"/image")
    uploads.closure()


def test_what_is_there_is_replaced_only_if_asked_for(uploads):
    archive = tar(TREE)
    good(uploads.put("tree", archive, "?unpack=true"))
    good(uploads.put("file", b"file"))
    before = uploads.revision()
    for path in ("tree", "file"):
        assert detail(uploads.put(path, archive, "?unpack=true"), 409)
    assert detail(uploads.put("tree", b"x", "?overwrite=true"), 409)
    assert detail(uploads.put("file/below", archive, "?unpack=true"), 409)
    assert uploads.revision() == before
    other = tar([file("three", b"three")])
    for path in ("tree", "file"):
        good(uploads.put(path, other, "?unpack=true&overwrite=true"))
        assert below(uploads, b"/" + path.encode()) == [b"/.cvmfscatalog", b"/three"]
    assert uploads.revision() == before + 2
    uploads.closure()


def test_archives_that_hold_too_much(uploads):
    """All that is made counts: directories that are only in a name, and all layers together."""
    def many(number, folder="d"):
        return [file(f"{folder}/{entry}", b"") for entry in range(number)]

    layers = [tar(many(20, f"layer{number}")) for number in range(3)]
    wide = [file(f"d{number}/file", b"") for number in range(26)]
    links = [(f"link{number}", tarfile.SYMTYPE, "x") for number in range(51)]
    before = uploads.revision()
    for archive in (tar(many(50)), docker(layers), tar(wide), tar(links),
                    gzip.compress(tar(many(3000)))):
        reason = detail(uploads.put("much", archive, "?unpack=true"), 413)
        assert "more than 50 files and directories" in reason
    assert "deep" in detail(uploads.put("deep", tar([file("d/" * 300 + "f", b"")]), "?unpack=true"), 413)
    half = [gzip.compress(tar([file(f"half{number}", bytes(3 << 20))])) for number in range(2)]
    reason = detail(uploads.put("much", docker(half), "?unpack=true"), 413)
    assert "more than 4 MiB" in reason
    links = [(f"link{number}", tarfile.SYMTYPE, "x" * 60000) for number in range(49)]
    uploads.configure(REPLICA_UNPACK_MBYTE_LIMIT=1)
    assert "1 MiB" in detail(uploads.put("links", gzip.compress(tar(links)), "?unpack=true"), 413)
    assert uploads.revision() == before
    good(uploads.put("enough", tar(many(49)), "?unpack=true"))
    uploads.expect_no_temporary_files()
    uploads.closure()


@pytest.mark.parametrize("archive, status", [
    (b"no archive at all", 400), (gzip.compress(tar(TREE))[:-20], 400),
    (tar([file("../out", b"x")]), 400), (tar([file("large", bytes(5 << 20))]), 413)],
    ids=["none", "cut", "outside", "large"])
def test_what_is_wrong_leaves_nothing(uploads, archive, status):
    before, objects = uploads.revision(), uploads.objects()
    good(uploads.put("old", tar(TREE), "?unpack=true&overwrite=true"))
    assert detail(uploads.put("bad", archive, "?unpack=true"), status)
    assert detail(uploads.put("old", archive, "?unpack=true&overwrite=true"), status)
    assert uploads.revision() <= before + 1
    assert uploads.get("old/two").body == b"two"
    assert uploads.get("?path=bad").status == 404
    uploads.expect_no_temporary_files()
    uploads.closure()


def test_archives_and_files_wait_together(uploads):
    before = uploads.revision()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        with UpdateLock(uploads):
            answers = [pool.submit(uploads.put, f"mixed/{number}", tar(TREE), "?unpack=true")
                       for number in range(3)]
            answers.append(pool.submit(uploads.put, "mixed/bad", b"bad", "?unpack=true"))
            answers += [pool.submit(uploads.put, f"mixed/file{number}", b"x") for number in range(4)]
            wait_until(lambda: len(uploads.temporary_files()) == 8, "all of them wait")
        statuses = [answer.result().status for answer in answers]
    assert statuses == [200] * 3 + [400] + [200] * 4
    assert uploads.revision() <= before + 8
    assert good(uploads.get("?path=mixed"))["files"] == [f"file{number}" for number in range(4)]
    uploads.closure()


def test_a_tree_expires_as_a_whole(uploads):
    good(uploads.put("short/tree", tar(TREE), "?unpack=true&ttl_s=3600"))
    good(uploads.put("short/tree/more", b"more", "?ttl_s=0"))
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        database.execute("UPDATE expiry SET expires_at = 1 WHERE path = '/short/tree'")
    good(uploads.request("POST", f"{NAME}/clean"))
    wait_until(lambda: uploads.get("short/tree/two").status == 404, "it has expired")
    assert uploads.get("short/tree/more").status == 404
    assert uploads.get("?path=short").status == 404
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        wait_until(lambda: not database.execute(
            "SELECT 1 FROM expiry WHERE path = '/short/tree'").fetchall(), "it is forgotten")
    uploads.closure()


def test_kills_while_it_is_unpacked(uploads):
    chance = random.Random(7)
    archive = tar([file(f"file{number}", chance.randbytes(2000)) for number in range(1000)])
    uploads.configure(REPLICA_UNPACK_ENTRIES=2000)
    before = uploads.revision()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for turn in range(6):
            answer = pool.submit(uploads.put, f"killed{turn}", archive, "?unpack=true")
            wait_until(lambda: uploads.temporary_files() or answer.done(), "it is received")
            time.sleep(chance.random() / 3)
            uploads.daemon.process.kill()
            status = answer.result().status
            restart(uploads)
            uploads.expect_no_temporary_files()
            published = uploads.get(f"killed{turn}/file999").status == 200
            assert published or status == 503
            uploads.parts_objects()
            # What is of no concern to readers the next one puts right.
            good(uploads.put(f"next{turn}", b"x"))
            uploads.closure()
    assert uploads.revision() <= before + 12
    good(uploads.put("after", archive, "?unpack=true"))
    uploads.closure()


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of one's own needs root")
def test_a_full_disk(folder):
    """The archive finds room, what it holds does not."""
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=True)
    small.chmod(0o755)
    uploads = UploadSite(small / "uploads", "-Z", "none")
    try:
        uploads.start()
        before, objects = uploads.revision(), uploads.objects()
        archive = gzip.compress(tar([file(f"file{number}", b"%7d" % number * 100000)
                                     for number in range(10)]))
        assert detail(uploads.put("tree", archive, "?unpack=true"), 507)
        assert uploads.revision() == before
        uploads.expect_no_temporary_files()
        good(uploads.put("small", b"x"))
        left = {path for path in uploads.objects() - objects if path in uploads.parts_objects()}
        assert left and uploads.get("?path=tree").status == 404
    finally:
        uploads.close()
        subprocess.run(["umount", str(small)], check=True)


def test_the_time_of_a_tree(uploads):
    """Put off, set at all, and taken away, as a file's; listed while it is there."""
    good(uploads.put("times/soon", tar(TREE), "?unpack=true&ttl_s=3600"))
    for name in ("later", "never"):
        good(uploads.put(f"times/{name}", tar(TREE), "?unpack=true&ttl_s=600"))
    good(uploads.request("POST", f"{NAME}/times/later/ttl?ttl_s=3600"))
    good(uploads.request("POST", f"{NAME}/times/never/ttl?ttl_s=0"))
    answer = good(uploads.request("POST", f"{NAME}/times/soon/ttl?ttl_s=1"))
    assert answer == {"filename": "times/soon", "ttl_s": 1}
    wait_until(lambda: uploads.get("times/soon/two").status == 404, "it has expired")
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        wait_until(lambda: database.execute("SELECT path FROM expiry").fetchall()
                   == [("/times/later",)], "it is forgotten")
    time.sleep(2)
    assert good(uploads.request("POST", f"{NAME}/clean"))["message"].endswith(": 0")
    assert good(uploads.get("?path=times")) == {"files": [], "trees": ["later", "never"]}
    assert good(uploads.get("?path=times/later")) == {"files": [".cvmfscatalog", "two"], "trees": []}
    assert below(uploads, b"/times/never") == [b"/.cvmfscatalog", b"/d", b"/d/one", b"/two"]
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        assert database.execute("SELECT path FROM expiry").fetchall() == [("/times/later",)]
    uploads.closure()


def test_a_tree_is_deleted_and_an_ordinary_directory_is_not(uploads):
    good(uploads.put("made/tree", tar(TREE), "?unpack=true"))
    good(uploads.put("made/tree/more/file", b"x"))
    for path in ("made", "made/tree/d", "made/tree/none"):
        assert "nor a tree" in detail(uploads.request("DELETE", f"{NAME}/{path}"), 404)
        assert "nor a tree" in detail(uploads.request("POST", f"{NAME}/{path}/ttl?ttl_s=1"), 404)
    assert good(uploads.request("DELETE", f"{NAME}/made/tree"))["target_name"] == "made/tree"
    assert good(uploads.get("?path=made")) == {"files": [], "trees": []}
    assert detail(uploads.request("POST", f"{NAME}/made/tree/ttl?ttl_s=1"), 404)
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        assert not database.execute("SELECT 1 FROM expiry WHERE path = '/made/tree'").fetchall()
    uploads.closure()
