# SPDX-License-Identifier: Apache-2.0
"""Whoever waits for a revision: as long as snapshotd says that it goes on, and honestly when it ends."""

import collections
import concurrent.futures
import json
import os
import re
import socket
import struct
import subprocess
import time

import pytest

from held import Hold, UpdateLock
from servers import DEADLINE_SECONDS, wait_until
from shelf import file, tar
from test_uploads import message, received_files, restart
from uploads import CONFIG, NAME, detail, good, token_hash

# Much longer than httpd, with this TimeOut, would wait for a word; words come once a second.
TIMEOUT, LONG = 3, 8


@pytest.fixture
def patient(shared_uploads):
    return shared_uploads("-Z", "none")


@pytest.fixture
def uploads(patient):
    patient.httpd.stop()
    patient.httpd.write_config(CONFIG.format(confdir=patient.confdir) + f"TimeOut {TIMEOUT}")
    patient.httpd.start()
    return patient


@pytest.fixture
def pool():
    with concurrent.futures.ThreadPoolExecutor(8) as made:
        yield made


def test_longer_than_httpd_would_wait_for_a_word(uploads, pool):
    good(uploads.put("old", b"old"))
    before = uploads.revision()
    with UpdateLock(uploads):
        answers = [pool.submit(uploads.put, "file", b"x"),
                   pool.submit(uploads.put, "tree", tar([file("f", b"f")]), "?unpack=true"),
                   pool.submit(uploads.request, "DELETE", f"{NAME}/old"),
                   pool.submit(uploads.request, "POST", f"{NAME}/clean")]
        time.sleep(LONG)
        assert not any(answer.done() for answer in answers)
        assert uploads.revision() == before
    for answer in answers:
        good(answer.result())
    assert (uploads.get("file").body, uploads.get("tree/f").body) == (b"x", b"f")
    assert uploads.get("old").status == 404
    uploads.closure()


def test_behind_a_commit_that_takes_long(uploads, pool):
    hold = Hold(uploads)
    hold.begin()
    first = pool.submit(uploads.put, "first", tar([file("f", b"f")]), "?unpack=true")
    hold.wait()
    second = pool.submit(uploads.put, "second", b"x")
    time.sleep(LONG)
    assert not first.done() and not second.done()
    assert uploads.get("first/f").status == 404
    hold.end()
    assert good(second.result())["revision"] == good(first.result())["revision"] + 1
    uploads.closure()


def test_an_archive_waits_for_those_before_it_only(uploads, pool):
    """However many files come all the time."""
    hold = Hold(uploads)
    hold.begin()
    first = pool.submit(uploads.put, "first", b"x")
    hold.wait()
    received = len(received_files(uploads))
    answers = [pool.submit(uploads.put, "second", b"x"),
               pool.submit(uploads.put, "tree", tar([file("f", b"f")]), "?unpack=true")]
    wait_until(lambda: len(received_files(uploads)) >= received + 2, "both are received")
    time.sleep(0.5)  # more likely both wait
    hold.until(first)
    hold.wait()
    answers.append(pool.submit(uploads.put, "third", b"x"))
    time.sleep(0.5)
    hold.end()
    before = good(first.result())["revision"]
    assert [good(answer.result())["revision"] - before for answer in answers] == [1, 2, 3]
    uploads.closure()


@pytest.mark.parametrize("query, place", [("", f"/repos/{NAME}/deep/late"),
                                          ("?unpack=true", f"/repos/{NAME}?path=deep/late")])
def test_who_cannot_know_is_told_so(uploads, pool, query, place):
    hold = Hold(uploads)
    hold.begin()
    answer = pool.submit(uploads.put, "deep/late", tar([file("f", b"f")]), query)
    hold.wait()
    uploads.daemon.process.kill()
    reason = detail(answer.result(), 503)
    assert "may be published" in reason and f"GET {place} " in reason
    assert answer.result().headers["retry-after"]
    hold.end()
    restart(uploads)
    uploads.expect_no_temporary_files()
    good(uploads.put("deep/late", b"x", "?overwrite=true") if uploads.get("deep/late").status == 200
         else uploads.put("deep/other", b"x"))
    uploads.closure()


def test_a_stop_ends_all_that_waits(uploads, pool):
    objects = uploads.objects()
    with UpdateLock(uploads):
        answers = [pool.submit(uploads.put, f"file{number}", b"x") for number in range(3)]
        wait_until(lambda: len(received_files(uploads)) == 3, "all of them wait")
        time.sleep(1)  # more likely for the lock
        assert uploads.daemon.stop() == 0
        for answer in answers:
            assert "being stopped" in detail(answer.result(), 503)
    assert uploads.temporary_files() == [] and uploads.objects() == objects


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take a file away from its owner")
def test_what_is_published_is_said_to_be(uploads):
    """Whatever cannot be noted afterwards."""
    spool = uploads.spool / NAME
    (spool / "compressor").write_text("isal 00000001\n")
    os.chown(spool / "compressor", 0, 0)
    os.chown(spool, 0, 0)
    spool.chmod(0o1777)
    before = uploads.revision()
    assert good(uploads.put("file", b"x"))["revision"] == before + 1
    assert "spool/" in uploads.daemon.text() and "compressor" in uploads.daemon.text()
    uploads.closure()


def next_answer(connection):
    length, _, kind, request, _ = struct.unpack(">IHHII", connection.recv(16, socket.MSG_WAITALL))
    return kind, request, json.loads(connection.recv(length, socket.MSG_WAITALL))


def test_words_at_the_socket(uploads):
    """Each request that is under way is told of; after its answer there is none."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(str(uploads.site.folder / "socket"))
        with UpdateLock(uploads):
            for number in (7, 8):
                connection.sendall(message(9, number, repository=NAME, token=token_hash("secret"),
                                           deadline=600_000))
            words = collections.Counter()
            while any(words[number] < 2 for number in (7, 8)):
                kind, number, body = next_answer(connection)
                assert (kind, body) == (256, {}) and sum(words.values()) < 30
                words[number] += 1
        assert set(words) == {7, 8}
        ended = []
        while len(ended) < 2:
            kind, request, _ = next_answer(connection)
            assert request not in ended
            if kind == 257:
                ended.append(request)
        time.sleep(2)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)


def limit_descriptors(daemon, count):
    """As the daemon's user."""
    subprocess.run(["prlimit", f"--pid={daemon.process.pid}", f"--nofile={count}:"], check=True,
                   **daemon.options)


def test_who_comes_when_descriptors_have_run_out_waits(uploads):
    folder, said = f"/proc/{uploads.daemon.process.pid}", len(uploads.daemon.text())
    with open(f"{folder}/limits", encoding="ascii") as file:
        before = re.search(r"Max open files +(\d+)", file.read())[1]
    # Some are open only for a moment.
    used = {int(name) for name in os.listdir(f"{folder}/fd")}
    for _ in range(20):
        time.sleep(0.05)
        used &= {int(name) for name in os.listdir(f"{folder}/fd")}
    free = min(set(range(len(used) + 1)) - used)

    def complaints():
        return uploads.daemon.text()[said:].count("socket: cannot accept a connection")

    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        limit_descriptors(uploads.daemon, free)
        try:
            start = time.monotonic()
            connection.connect(str(uploads.site.folder / "socket"))
            connection.sendall(message(6, 1, repository=NAME, token=token_hash("secret")))
            wait_until(lambda: complaints() >= 3, "it has tried again")
            # Not all the time.
            assert complaints() <= 2 + (time.monotonic() - start)
        finally:
            limit_descriptors(uploads.daemon, before)
        assert next_answer(connection)[1] == 1


def list_more(uploads, connections, path):
    for connection in connections:
        connection.connect(str(uploads.site.folder / "socket"))
        connection.sendall(message(6, 1, repository=NAME, path=path, token=token_hash("secret")))


def test_who_does_not_read_holds_up_nobody(patient, folder):
    """More of them than there are threads, each with more answers than a socket takes."""
    names = [f"{number:0>200}" for number in range(4000)]
    (folder / "names.tar").write_bytes(tar([file(name, b"") for name in names]))
    (folder / "names.tar").chmod(0o644)
    patient.site.run("ingest", "-t", folder / "names.tar", "-b", "many", NAME)
    connections = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    try:
        list_more(patient, connections, "/many")
        for connection in connections:
            connection.settimeout(DEADLINE_SECONDS)
            assert connection.recv(1, socket.MSG_PEEK)
        good(patient.put("between", b"x"))
        assert len(good(patient.get("?path=many"))["files"]) == 4000
        # And who reads later gets all of it.
        found, kind = [], 256
        while kind == 256:
            kind, _, answer = next_answer(connections[0])
            found += answer.get("names", ())
        assert kind == 257 and sorted(found) == names
    finally:
        for connection in connections:
            connection.close()
    good(patient.put("after", b"x"))


def test_many_locked_repositories_keep_nobody_from_another(patient):
    others = [f"r{number}.example.net" for number in range(17)]
    for name in others:
        patient.site.run("mkfs", "-o", patient.owner, "-w", f"http://127.0.0.1/cvmfs/{name}", name)
    with concurrent.futures.ThreadPoolExecutor(len(others)) as waiting:
        locks = [UpdateLock(patient, name) for name in others]
        for lock in locks:
            lock.__enter__()
        try:
            answers = [waiting.submit(patient.request, "PUT", f"{name}/file", b"x")
                       for name in others]
            wait_until(lambda: all(list((patient.site.storage / name / "data/txn").glob("upload.*"))
                                   for name in others), "all of them wait")
            time.sleep(1)
            good(patient.put("free", b"x"))
            assert patient.get("free").body == b"x"
            assert not any(answer.done() for answer in answers)
        finally:
            for lock in locks:
                lock.__exit__()
        for answer in answers:
            good(answer.result())
