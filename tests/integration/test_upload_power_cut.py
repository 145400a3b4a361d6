# SPDX-License-Identifier: Apache-2.0
"""The power fails while snapshotd publishes what was uploaded: one of the revisions is there, whole,
with the times of what it holds, and nothing is left that the next upload does not sweep."""

import array
import hashlib
import json
import os
import pwd
import random
import shutil
import socket
import sqlite3
import struct

import pytest

from changer import QuickRepository, comparable
from closure import Closure, stored_objects
from conftest import memory_folder
from loops import count
from power_cut import STYLES, Recording
from servers import DEADLINE_SECONDS, wait_until
from shelf import file, tar
from test_uploads import message
from tree import digest
from uploads import NAME, UploadSite, token_hash

CHECK, BEGIN, NEXT, FINISH, REMOVE, DONE = 1, 2, 3, 4, 7, 257
PIECE = 40_000


class Caller:
    """Speaks with snapshotd as httpd does."""

    def __init__(self, site):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(DEADLINE_SECONDS)
        self.connection.connect(str(site.site.folder / "socket"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, kind, **request):
        """The final answer, and the descriptor that came with it."""
        self.connection.sendall(message(kind, deadline=60_000, **request))
        answer, descriptor = 0, None
        while answer < DONE:
            head, passed, *_ = self.connection.recvmsg(16, socket.CMSG_SPACE(4), socket.MSG_WAITALL)
            length, _, answer, _, _ = struct.unpack(">IHHII", head)
            body = json.loads(self.connection.recv(length, socket.MSG_WAITALL))
            for *_, data in passed:
                descriptor = array.array("i", data)[0]
        assert answer == DONE, body
        return body, descriptor

    def upload(self, path, content, **options):
        known = {"repository": NAME, "token": token_hash("secret")}
        answer, descriptor = self.ask(BEGIN, path=path, size=len(content), **known, **options)
        size = PIECE if answer.get("cuts_files") else len(content)
        pieces = [content[at:at + size] for at in range(0, len(content), size)]
        for piece in pieces:
            os.write(descriptor, piece)
            os.close(descriptor)
            is_last = piece is pieces[-1]
            told = {"upload": answer["upload"], "piece_size": len(piece), "stored_size": len(piece),
                    "hash": hashlib.sha1(piece).hexdigest()}
            if is_last and len(pieces) == 1:
                told["is_whole"] = True
            _, descriptor = self.ask(FINISH if is_last else NEXT, **told)
        return pieces

    def remove(self, path):
        self.ask(REMOVE, path=path, repository=NAME, token=token_hash("secret"))


def word_of_next(operations, descriptor):
    """What is done next with what was opened."""
    return next(word for word, first, *_ in operations if first == descriptor)


class World:
    def __init__(self, folder):
        folder.chmod(0o755)
        self.uploads = UploadSite(folder / "uploads", "-z", "-g", "-Z", "none")
        # What is recorded: see power_cut.Recording.
        self.folder = self.uploads.folder
        self.storage = self.uploads.storage
        self.file_systems = [self.uploads.site.storage, self.uploads.site.spool]
        self.chance = random.Random(9)
        self.states = {}
        self.written = []
        self.run(self.first)
        self.note()

    def close(self):
        self.uploads.close()

    def run(self, work, **environment):
        """What WORK asks of a snapshotd that is started for it; all that was said."""
        daemon = self.uploads.daemon
        daemon.environment = environment
        daemon.start()
        wait_until((self.uploads.site.folder / "socket").exists, "the socket is there")
        with Caller(self.uploads) as caller:
            work(caller)
        assert daemon.stop() == 0, daemon.text()

    def first(self, caller):
        caller.upload("/old/replaced", b"old", ttl_seconds=5000)
        caller.upload("/old/removed", b"removed")

    def changes(self, caller):
        """Each is a revision of its own."""
        tree = tar([file(f"d{number % 3}/{number}", self.chance.randbytes(3000)) for number in range(9)])
        for path, content, options in (
                ("/new/large", self.chance.randbytes(3 * PIECE - 1), {"ttl_seconds": 4000}),
                ("/old/replaced", b"new", {"overwrites": True, "ttl_seconds": 6000}),
                ("/tree", tree, {"unpacks": True, "ttl_seconds": 7000})):
            self.written += caller.upload(path, content, **options)
            self.note()
        caller.remove("/old/removed")
        self.note()

    def manifest(self):
        return (self.storage / ".cvmfspublished").read_bytes()

    def read(self):
        """All of it verified; what is in it."""
        parts = self.uploads.parts
        _, tree = QuickRepository(parts.folder, NAME, self.folder / "scratch").check()
        return {path: comparable(row, path) for path, row in tree.entries.items()}

    def note(self):
        self.states[self.manifest()] = self.read()

    def times(self):
        with sqlite3.connect(self.uploads.spool / NAME / "expiry.sqlite") as database:
            return {path.encode() for path, in database.execute("SELECT path FROM expiry")}

    def begin(self, **environment):
        self.folder.with_name(self.folder.name + ".before").chmod(0o777)
        return Process(self, environment)

    def record(self):
        recording = Recording(self, self.begin)
        contents = iter(self.written)
        operations = []
        for number, operation in enumerate(recording.operations):
            operations.append(operation)
            if operation[0] == "open" and "c" in operation[2] and "/upload." in operation[3] and \
                    word_of_next(recording.operations[number + 1:], operation[1]) == "close":
                # Written by who was given the descriptor, unseen.
                operations.append(("write", operation[1], 0, next(contents)))
        assert next(contents, None) is None
        recording.operations = operations
        return recording

    def own(self):
        """The model knows of no owners."""
        if os.geteuid() == 0:
            for folder in self.file_systems:
                for path in (folder, *folder.rglob("*")):
                    shutil.chown(path, pwd.getpwnam(self.uploads.owner).pw_uid)


class Process:
    """What a recording runs: snapshotd from its beginning to its end."""

    def __init__(self, world, environment):
        self.world, self.environment = world, environment
        self.returncode = None

    def communicate(self, timeout):
        del timeout
        self.world.run(self.world.changes, **self.environment)
        self.returncode = 0
        return self.world.uploads.daemon.text(), None


@pytest.fixture
def world():
    with memory_folder() as folder:
        made = World(folder)
        yield made
        made.close()


def assert_times(world, tree):
    """A record too many never hurts, one too few does."""
    expected = {b"/old/replaced", b"/new/large", b"/tree"} & set(tree)
    assert expected <= world.times()


def assert_goes_on(world, tree):
    world.run(lambda caller: caller.upload("/after", b"after"))
    found = world.read()
    assert found.pop(b"/after")
    assert found == tree
    for path in stored_objects(world.storage):
        assert (path[5:7] + path[8:]).startswith(digest((world.storage / path).read_bytes())), path
    assert not os.listdir(world.storage / "data/txn")
    assert not (world.storage / ".replica_dirty").exists()
    world.uploads.check()


def test_a_power_cut_costs_nothing_that_is_published(world):
    recording = world.record()
    assert len(world.states) == 5
    states = dict(world.states)
    last, number = len(recording.operations), count("UPLOAD_POWER_CUTS")
    seen = set()
    for seed in range(number):
        operations, style = seed * last // max(1, number - 1), STYLES[seed % len(STYLES)]
        recording.disk(operations).cut(style, random.Random(seed))
        world.own()
        try:
            found = world.manifest()
            seen.add(found)
            assert found in states
            Closure(world.storage)
            assert_times(world, states[found])
            assert_goes_on(world, states[found])
        except AssertionError as problem:
            raise AssertionError(
                f"cut {seed} ({style}) after {operations} operations, "
                f"{recording.operations[max(0, operations - 3):operations]}: {problem}") from None
    assert number < 40 or seen == set(states)


def test_without_barriers_the_model_finds_a_broken_revision(world):
    """The test above would see it."""
    recording = world.record()
    last = len(recording.operations)
    for seed in range(300):
        recording.disk(last - seed % (last // 2), ("syncfs",)).cut("mixed", random.Random(seed))
        try:
            Closure(world.storage)
        except AssertionError:
            return
    pytest.fail("nothing was broken")
