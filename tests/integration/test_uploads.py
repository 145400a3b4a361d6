# SPDX-License-Identifier: Apache-2.0
"""Uploads among others, and when something dies: nothing is seen before its commit, and nothing is left."""

import concurrent.futures
import contextlib
import json
import os
import random
import socket
import struct
import subprocess
import time

import pytest


from held import UpdateLock
from servers import DEADLINE_SECONDS, Httpd, wait_until
from uploads import CONFIG, NAME, SMALL_CHUNKS, UploadSite, detail, good

MB = 1 << 20


@pytest.fixture
def uploads(shared_uploads):
    return shared_uploads(repository={**SMALL_CHUNKS, "CVMFS_FILE_MBYTE_LIMIT": 8})


def receive(connection):
    """All that comes; who is thrown out with bytes unread sees a reset."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    return data


def received_files(uploads):
    """Temporary files that something has been written to."""
    found = []
    for path in (uploads.storage / "data/txn").glob("upload.*"):
        with contextlib.suppress(FileNotFoundError):
            found += [path] if path.stat().st_size > 0 else []
    return found


def test_nothing_is_seen_before_the_commit(uploads):
    before, objects = uploads.revision(), uploads.objects()
    body = random.Random(1).randbytes(300000)
    with uploads.open_upload("slow", len(body)) as connection:
        connection.sendall(body[:-1])
        wait_until(uploads.temporary_files, "bytes are there")
        assert (uploads.revision(), uploads.objects()) == (before, objects)
        assert detail(uploads.get("slow"), 404)
        connection.sendall(body[-1:])
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert uploads.revision() == before + 1
    assert uploads.content(b"/slow") == body
    uploads.closure()


def test_a_stream_without_a_length(uploads):
    body = random.Random(2).randbytes(500000)
    with uploads.open_upload("stream", 0, chunked=True) as connection:
        for start in range(0, len(body), 33333):
            piece = body[start:start + 33333]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert uploads.content(b"/stream") == body


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_goes_away(uploads, chunked):
    before, objects = uploads.revision(), uploads.objects()
    with uploads.open_upload("half", 2 * MB, chunked) as connection:
        connection.sendall(b"%x\r\n" % (2 * MB) if chunked else b"")
        connection.sendall(random.Random(3).randbytes(MB))
        wait_until(lambda: len(uploads.temporary_files()) > 5, "chunks are written")
    uploads.expect_no_temporary_files()
    assert (uploads.revision(), uploads.objects()) == (before, objects)
    good(uploads.put("half", b"again"))


def test_httpd_is_killed(uploads):
    before, objects = uploads.revision(), uploads.objects()
    with uploads.open_upload("half", 2 * MB) as connection:
        connection.sendall(random.Random(3).randbytes(MB))
        wait_until(uploads.temporary_files, "bytes are there")
        uploads.httpd.kill_children()
        uploads.expect_no_temporary_files()
    assert (uploads.revision(), uploads.objects()) == (before, objects)


def restart(uploads):
    uploads.daemon.process.wait(DEADLINE_SECONDS)
    uploads.daemon.start()
    wait_until(lambda: uploads.get("").status == 200, "snapshotd answers again")


def test_snapshotd_is_killed_while_it_receives(uploads):
    before, objects = uploads.revision(), uploads.objects()
    body = random.Random(3).randbytes(MB)
    with uploads.open_upload("half", 2 * MB) as connection:
        connection.sendall(body)
        wait_until(uploads.temporary_files, "bytes are there")
        uploads.daemon.process.kill()
        connection.sendall(body)
        assert b" 503 " in connection.recv(100)
    refused = uploads.put("another", b"")
    assert "cannot reach snapshotd" in detail(refused, 503) and refused.headers["retry-after"]
    assert uploads.temporary_files()
    restart(uploads)
    uploads.expect_no_temporary_files()
    assert (uploads.revision(), uploads.objects()) == (before, objects)
    good(uploads.put("half", body))


def test_snapshotd_is_killed_between_objects_and_commit(uploads):
    before, objects = uploads.revision(), uploads.objects()
    with UpdateLock(uploads), concurrent.futures.ThreadPoolExecutor() as pool:
        answer = pool.submit(uploads.put, "late", bytes(100000))
        wait_until(lambda: len(uploads.temporary_files()) > 0, "bytes are there")
        time.sleep(0.3)
        uploads.daemon.process.kill()
        assert detail(answer.result(), 503)
    restart(uploads)
    uploads.expect_no_temporary_files()
    assert (uploads.revision(), uploads.objects()) == (before, objects)
    good(uploads.put("late", bytes(100000)))
    uploads.closure()


def test_somebody_else_publishes_too_long(shared_uploads):
    uploads = shared_uploads(REPLICA_PUBLISH_TIMEOUT=5)
    before = uploads.revision()
    with UpdateLock(uploads):
        refused = uploads.put("waits", b"x")
        assert "try again" in detail(refused, 503) and refused.headers["retry-after"]
    assert uploads.revision() == before
    uploads.expect_no_temporary_files()
    good(uploads.put("waits", b"x"))


def test_what_waits_goes_into_one_revision(uploads):
    before = uploads.revision()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        with UpdateLock(uploads):
            answers = [pool.submit(uploads.put, f"group/{number}", b"%d" % number)
                       for number in range(16)]
            answers += [pool.submit(uploads.put, "group/same", b"same") for _ in range(4)]
            wait_until(lambda: len(received_files(uploads)) == 20, "all of them wait")
            time.sleep(0.5)  # more likely for the lock
        statuses = [answer.result().status for answer in answers]
    assert statuses[:16] == [200] * 16
    assert sorted(statuses[16:]) == [200, 409, 409, 409]
    assert before < uploads.revision() <= before + 3
    tree = uploads.tree()
    assert all(tree.content(b"/group/%d" % number) == b"%d" % number for number in range(16))
    uploads.expect_no_temporary_files()


def test_exactly_one_of_many_gets_a_name(uploads):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for turn in range(5):
            answers = list(pool.map(lambda number, name=f"race{turn}":
                                    uploads.put(name, b"%d" % number), range(8)))
            won = [number for number, answer in enumerate(answers) if answer.status == 200]
            assert len(won) == 1 and sorted(answer.status for answer in answers)[1:] == [409] * 7
            assert uploads.content(b"/race%d" % turn) == b"%d" % won[0]


def test_the_limit(uploads):
    before = uploads.revision()
    assert "CVMFS_FILE_MBYTE_LIMIT" in detail(uploads.put("large", bytes(8 * MB + 1)), 413)
    good(uploads.put("allowed", bytes(8 * MB)))
    assert detail(uploads.post("large", bytes(9 * MB)), 413)
    assert detail(uploads.post("large", bytes(8 * MB + 1)), 413)
    good(uploads.post("allowed-too", bytes(8 * MB)))
    with uploads.open_upload("large", 0, chunked=True) as connection:
        try:
            connection.sendall((b"%x\r\n%b\r\n" % (MB, bytes(MB))) * 9)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert b" 413 " in connection.recv(100)
    assert uploads.revision() == before + 2
    uploads.expect_no_temporary_files()


def expect_continue(uploads, path, length, method="PUT", **headers):
    """The first line that comes back for a request with Expect: 100-continue, without a body."""
    lines = [f"{method} /repos/{NAME}{path} HTTP/1.1", "Host: x", f"Content-Length: {length}",
             "Expect: 100-continue"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in
              {"Authorization": "Bearer secret", **headers}.items()]
    with socket.create_connection(("127.0.0.1", uploads.httpd.port), DEADLINE_SECONDS) as connection:
        connection.sendall("\r\n".join(lines + ["", ""]).encode())
        return connection.recv(12).decode()


def test_the_body_is_only_asked_for_when_it_is_welcome(uploads):
    good(uploads.put("there", b""))
    assert expect_continue(uploads, "/new", 5) == "HTTP/1.1 100"
    assert expect_continue(uploads, "/there", 5) == "HTTP/1.1 409"
    assert expect_continue(uploads, "/new", 9 * MB) == "HTTP/1.1 413"
    assert expect_continue(uploads, "/new", 5, Authorization="Bearer wrong") == "HTTP/1.1 401"
    assert expect_continue(uploads, "/.cvmfs/x", 5) == "HTTP/1.1 400"
    form = {"method": "POST", "Content_Type": "multipart/form-data; boundary=b"}
    assert expect_continue(uploads, "", 5, **form) == "HTTP/1.1 100"
    assert expect_continue(uploads, "", 5, Authorization="Bearer wrong", **form) == "HTTP/1.1 401"
    assert expect_continue(uploads, "", 10 * MB, **form) == "HTTP/1.1 413"
    uploads.expect_no_temporary_files()


def test_the_reserve_of_free_space(uploads):
    uploads.configure(REPLICA_MIN_FREE_BYTES="1000T")
    assert "REPLICA_MIN_FREE_BYTES" in detail(uploads.put("any", b""), 507)
    uploads.configure(REPLICA_MIN_FREE_BYTES=0, REPLICA_MIN_FREE_INODES=10 ** 15)
    assert "REPLICA_MIN_FREE_INODES" in detail(uploads.put("any", b""), 507)


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system of one's own needs root")
def test_a_full_disk(folder):
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], check=True)
    small.chmod(0o755)
    uploads = UploadSite(small / "uploads")
    try:
        uploads.start()
        before, objects = uploads.revision(), uploads.objects()
        body = random.Random(5).randbytes(6 * MB)
        with uploads.open_upload("large", 0, chunked=True) as connection:
            try:
                connection.sendall(b"%x\r\n%b\r\n" % (len(body), body))
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert b" 507 " in connection.recv(100)
        uploads.expect_no_temporary_files()
        assert (uploads.revision(), uploads.objects()) == (before, objects)
        assert uploads.put("known", body).status == 507
        good(uploads.put("small", b"x"))
    finally:
        uploads.close()
        subprocess.run(["umount", str(small)], check=True)


def test_memory_does_not_grow_with_the_file(shared_uploads, folder):
    uploads = shared_uploads("-Z", "none", repository={"CVMFS_FILE_MBYTE_LIMIT": 4096})

    def private_kib():
        return sum(int(line.split()[1]) for pid in uploads.httpd.child_pids() + [
            uploads.daemon.process.pid] for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii")
                   if line.startswith("Private_Dirty:"))

    good(uploads.put("warm", bytes(MB)))
    before, peak = private_kib(), 0
    piece = bytes(MB)
    with uploads.open_upload("zeros", 200 * MB) as connection:
        for number in range(200):
            connection.sendall(piece)
            if number % 20 == 10:
                peak = max(peak, private_kib())
        assert connection.recv(12) == b"HTTP/1.1 200"
    assert peak - before < 8 * 1024
    assert uploads.get("zeros", Range="bytes=-5").body == bytes(5)


def test_the_door_is_closed_elsewhere(uploads, folder):
    other = Httpd(folder / "serve", f"Replica {uploads.confdir}\n")
    other.start()
    try:
        for method in ("GET", "PUT", "POST", "DELETE"):
            assert other.fetch(f"/repos/{NAME}/x", method).status in (404, 405), method
        assert other.fetch(f"/cvmfs/{NAME}/.cvmfspublished").status == 200
        assert uploads.httpd.fetch(f"/cvmfs/{NAME}/.cvmfspublished").status == 404
    finally:
        other.stop()


def talk(uploads, *messages):
    """Send raw bytes to the socket; what comes back, as (type, request, body)."""
    answers = []
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(str(uploads.site.folder / "socket"))
        for raw in messages:
            connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        data = receive(connection)
    while data:
        length, _, kind, request, _ = struct.unpack(">IHHII", data[:16])
        answers.append((kind, request, json.loads(data[16:16 + length])))
        data = data[16 + length:]
    return answers


def message(kind, request=1, version=1, deadline=1000, **body):
    text = json.dumps(body).encode()
    return struct.pack(">IHHII", len(text), version, kind, request, deadline) + text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is everybody")
def test_who_may_connect(uploads):
    (uploads.site.folder / "socket").parent.chmod(0o755)
    probe = ("import socket,sys; s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
             "s.settimeout(20); sys.exit(s.recv(1) != b'')")
    done = subprocess.run(["/usr/bin/python3", "-c", probe, uploads.site.folder / "socket"],
                          user="daemon", check=False)
    assert done.returncode == 0
    assert "may not connect" in uploads.daemon.text()


def test_strange_messages(uploads):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(str(uploads.site.folder / "socket"))
        for kind, body in ((99, {}), (0, {}), (6, {"path": 1}), (3, {"upload": 12345}),
                           (6, {"repository": "../x", "path": ""})):
            connection.sendall(message(kind, 7, **body))
            head = connection.recv(16, socket.MSG_WAITALL)
            length, version, answer, request, _ = struct.unpack(">IHHII", head)
            assert (version, answer, request) == (1, 258, 7)
            assert json.loads(connection.recv(length, socket.MSG_WAITALL))["error"]
    assert talk(uploads, message(6, version=2)) == []
    assert talk(uploads, b"\xff" * 16) == []
    assert talk(uploads, b"\x00") == []
    good(uploads.put("still", b"works"))


def test_what_cannot_be_put_leaves_no_directories(uploads):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with UpdateLock(uploads):
            deep = pool.submit(uploads.put, "too/" * 300 + "deep", b"x")
            good_one = pool.submit(uploads.put, "beside", b"y")
            wait_until(lambda: len(uploads.temporary_files()) == 2, "both wait")
            time.sleep(0.2)  # more likely to go into one revision
    detail(deep.result(), 413)
    good(good_one.result())
    tree = uploads.tree()
    assert b"/beside" in tree.entries and b"/too" not in tree.entries
    uploads.expect_no_temporary_files()
