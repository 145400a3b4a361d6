# SPDX-License-Identifier: Apache-2.0
"""Uploads larger than memory would like: what they need does not grow with them, and nothing of
them is seen before their commit."""
import concurrent.futures
import hashlib
import http.client
import random
import threading

import pytest

from loops import count
from servers import SANITIZED
from uploads import NAME, good

MB = 1 << 20
LARGE = count("LARGE_UPLOAD_MIB")
PARALLEL = 16
EACH = count("PARALLEL_UPLOAD_MIB")
KIB_FOR_EACH = 8 * 1024
LONG_SECONDS = 600


class Generator:
    """A body of so many mebibytes, made while it is sent, unlike that of another seed."""

    def __init__(self, seed, mebibytes):
        self.seed, self.size = seed, mebibytes * MB
        noise = random.Random(seed)
        self.block = noise.randbytes(MB // 2) + b"the same again " * (MB // 30)

    def pieces(self):
        left, number = self.size, 0
        while left > 0:
            piece = (number.to_bytes(8, "big") + self.block)[:min(MB, left)]
            yield piece
            left -= len(piece)
            number += 1

    def digest(self):
        hasher = hashlib.sha1()
        for piece in self.pieces():
            hasher.update(piece)
        return hasher.hexdigest()


class Memory:
    """What httpd's children and snapshotd have for themselves, watched from a thread."""

    def __init__(self, uploads):
        self.uploads = uploads
        self.stopped = threading.Event()
        self.before = self.peak = self.now()
        self.thread = threading.Thread(target=self.watch)

    def now(self):
        total = 0
        for pid in [*self.uploads.httpd.child_pids(), self.uploads.daemon.process.pid]:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty:"))
        return total

    def watch(self):
        while not self.stopped.wait(0.05):
            self.peak = max(self.peak, self.now())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def grew_by_kib(self):
        return self.peak - self.before


def send(uploads, name, generator, before_the_end=None):
    with uploads.open_upload(name, generator.size) as connection:
        connection.settimeout(LONG_SECONDS)
        last = None
        for piece in generator.pieces():
            if last is not None:
                connection.sendall(last)
            last = piece
        if before_the_end is not None:
            before_the_end()
        connection.sendall(last)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert answer.status == 200, answer.read()


def digest_of(uploads, name):
    """Of the whole file, as it is read back."""
    connection = http.client.HTTPConnection("127.0.0.1", uploads.httpd.port, timeout=LONG_SECONDS)
    connection.request("GET", f"/repos/{NAME}/{name}", headers={"Authorization": "Bearer secret"})
    answer, hasher = connection.getresponse(), hashlib.sha1()
    assert answer.status == 200
    while piece := answer.read(MB):
        hasher.update(piece)
    connection.close()
    return hasher.hexdigest()


@pytest.mark.parametrize("compression", ["none", "zlib"])
def test_one_from_a_generator(shared_uploads, compression):
    uploads = shared_uploads("-Z", compression, repository={"CVMFS_FILE_MBYTE_LIMIT": 20000})
    generator = Generator(1, LARGE if compression == "none" else LARGE // 16)
    good(uploads.put("warm", bytes(MB)))
    before, objects = uploads.revision(), uploads.objects()

    def unseen():
        assert (uploads.revision(), uploads.objects()) == (before, objects)
        assert uploads.get("large").status == 404

    with Memory(uploads) as memory:
        send(uploads, "large", generator, unseen)
    assert SANITIZED or memory.grew_by_kib() < KIB_FOR_EACH
    assert uploads.revision() == before + 1
    assert len(uploads.objects()) > len(objects) + 2, "it is in chunks"
    assert digest_of(uploads, "large") == generator.digest()


def test_sixteen_side_by_side(shared_uploads):
    uploads = shared_uploads("-Z", "none", repository={"CVMFS_FILE_MBYTE_LIMIT": 20000})
    generators = [Generator(seed, EACH) for seed in range(PARALLEL)]
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda number: good(uploads.put(f"warm-{number}", bytes(MB))), range(PARALLEL)))
        before = uploads.revision()
        with Memory(uploads) as memory:
            list(pool.map(lambda generator: send(uploads, f"f{generator.seed}", generator), generators))
    assert SANITIZED or memory.grew_by_kib() < PARALLEL * KIB_FOR_EACH
    assert before < uploads.revision() <= before + PARALLEL
    for generator in generators:
        assert digest_of(uploads, f"f{generator.seed}") == generator.digest()
    uploads.expect_no_temporary_files()
