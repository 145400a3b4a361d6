# SPDX-License-Identifier: Apache-2.0
"""Uploads with unpack=true: the tree of an archive, all of it or nothing."""

import concurrent.futures
import gzip
import os
import random
import sqlite3
import subprocess
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
                                                    "REPLICA_UNPACK_MBYTE_LIMIT": 4})


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
    good(uploads.put("short/tree", tar(TREE), "?unpack=true&ttl_s=2"))
    good(uploads.put("short/tree/more", b"more", "?ttl_s=0"))
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
    before = uploads.revision()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for turn in range(6):
            answer = pool.submit(uploads.put, f"killed{turn}", archive, "?unpack=true")
            wait_until(uploads.temporary_files, "it is received")
            time.sleep(chance.random() / 3)
            uploads.daemon.process.kill()
            status = answer.result().status
            restart(uploads)
            uploads.expect_no_temporary_files()
            published = uploads.get(f"killed{turn}/file999").status == 200
            assert published or status == 503
            uploads.closure()
    assert uploads.revision() <= before + 6
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
