# SPDX-License-Identifier: Apache-2.0
"""Many subscribers, slow ones, and messages that are forged, expired, older or not ours."""

import base64
import contextlib
import json
import random
import resource
import signal
import socket
import sqlite3
import time

import pytest

import loops
from event_site import EventSite, Stock, activity, extended_request, stock_request
from forger import Forger
from origin import Origin
from replica import Published
from servers import DEADLINE_SECONDS, SANITIZED, wait_until
from sources import fill
from test_event_log import rows
from tree import replace_file

DAY = 86400
MEMORY_MAX_KIB = 200 * 1024


@pytest.fixture
def own(folder):
    """A repository of the test's own: .published, .origin, and the site that serves it."""
    published = Published(folder / "published", "sw.example.net")
    published.key.chmod(0o644)
    origin = Origin({published.fqrn: published.storage}, random.Random(1))
    site = EventSite(folder, origin.url(published.fqrn), published)
    site.replica.snapshot().assert_ok()
    site.origin = origin
    yield site
    site.close()
    origin.close()


def publish_more(site, number):
    site.published.publish(fill(site.folder / f"more{number}", random.Random(number), packages=1,
                                files=2, large=1000))


def test_a_new_revision_reaches_subscribers_before_its_snapshot(own):
    server = own.server.start()
    with Stock(server.url, own.name) as stock:
        stock.wait_for("message")
        publish_more(own, 1)
        assert server.publish(own.message()) == (200, {"status": "ok"})
        stock.wait_for("message", 2)
        # The snapshot's own event is no second one.
        own.replica.snapshot().assert_ok()
        publish_more(own, 2)
        own.replica.snapshot().assert_ok()
        stock.wait_for("message", 3)
        assert [len(lines) for lines in stock.lines] == [4], stock.lines
    assert len(rows(own.log)) == 3


def test_an_older_revision_is_acknowledged_and_not_passed_on(own):
    old = own.message()
    server = own.server.start()
    with Stock(server.url, own.name) as stock:
        stock.wait_for("message")
        publish_more(own, 1)
        assert server.publish(own.message())[0] == 200
        stock.wait_for("message", 2)
        before = rows(own.log)
        assert server.publish(old) == (200, {"status": "ok"})
        assert rows(own.log) == before
        publish_more(own, 2)
        assert server.publish(own.message())[0] == 200
        stock.wait_for("message", 3)
        assert [len(lines) for lines in stock.lines] == [4], stock.lines


def test_a_manifest_of_another_name_or_with_another_key_is_refused(own, folder):
    server = own.server.start()
    before = rows(own.log)
    forger = Forger(folder, own.published)
    forger.publish(N="other.example.net", S=99)
    assert server.publish(activity(forger.storage, own.name))[0] == 400
    stranger = Published(folder / "stranger", own.name)
    assert server.publish(activity(stranger.storage, own.name))[0] == 400
    assert rows(own.log) == before
    forger.publish(S=99)
    assert server.publish(activity(forger.storage, own.name))[0] == 200
    assert [row[2] for row in rows(own.log)][-1] == 99


def copy_whitelist(own):
    """Whole: the server may be reading it."""
    replace_file(own.replica.storage / ".cvmfswhitelist",
                 (own.published.storage / ".cvmfswhitelist").read_bytes())


def test_a_whitelist_that_has_expired_stops_messages_until_there_is_a_new_one(own):
    server = own.server.start()
    before = rows(own.log)
    publish_more(own, 1)
    message = own.message()
    own.published.resign(now=int(time.time()) - 60 * DAY)
    copy_whitelist(own)
    status, answer = server.publish(message)
    assert status == 400 and "expired" in answer["reason"], answer
    assert rows(own.log) == before
    server.restart()
    with Stock(server.url, own.name) as stock:
        stock.wait_for("began")
        wait_until(lambda: "message withheld" in server.text(), "the message is withheld")
        stock.expect_none("message", "retry", "end")
        own.published.resign()
        copy_whitelist(own)
        stock.wait_for("message")
        assert server.publish(message)[0] == 200
        stock.wait_for("message", 2)


def test_a_log_that_somebody_spoilt_is_not_believed(own):
    connection = sqlite3.connect(own.log)
    connection.execute("UPDATE events SET payload = ?", (json.dumps(
        own.message(manifest=base64.b64encode(b"nonsense").decode())).encode(),))
    connection.commit()
    connection.close()
    server = own.server.start()
    with Stock(server.url, own.name) as stock:
        stock.wait_for("began")
        wait_until(lambda: "message withheld" in server.text(), "the message is withheld")
        stock.expect_none("message", "retry", "end")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_loses_no_subscriber(own, number):
    count = loops.count("STOCK_SUBSCRIBERS")
    server = own.server.start()
    with Stock(server.url, own.name, count) as stock:
        stock.wait_for("message", seconds=4 * DEADLINE_SECONDS)
        server.restart(number)
        stock.wait_for("message", 2, seconds=4 * DEADLINE_SECONDS)
        publish_more(own, 1)
        assert server.publish(own.message())[0] == 200
        stock.wait_for("message", 3, seconds=4 * DEADLINE_SECONDS)
        stock.expect_none("end", "dead", "broken")


def test_slow_readers_delay_nobody(own):
    """A reader whose window is full, whatever the kernel keeps for it, and one that reads."""
    server = own.server.start()
    slow = socket.socket()
    with contextlib.closing(slow):
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.settimeout(DEADLINE_SECONDS)
        slow.connect(("127.0.0.1", server.port))
        head, body = extended_request("repository=" + own.name)
        slow.sendall(head.encode() + body)
        memory = server.resident_kib()
        forger = Forger(own.folder, own.published)
        rounds = loops.count("SLOW_READER_EVENTS")
        with Stock(server.url, own.name) as stock:
            stock.wait_for("message")
            for revision in range(100, 100 + rounds):
                forger.publish(S=revision, P="x" * 6000)
                wait_until(lambda: server.publish(activity(forger.storage, own.name))[0] == 200,
                           "it is taken")
                stock.wait_for("message", revision - 98)
            stock.expect_none("retry", "end", "broken")
        assert SANITIZED or server.resident_kib() - memory < 8 * 1024
        stream = b""
        manifest = activity(forger.storage, own.name)["manifest"].encode()
        while manifest not in stream:
            stream += slow.recv(1 << 20)
        assert stream.count(b"event: activity") < rounds, "it got every one: it was not slow"


def test_ten_thousand_idle_subscribers_need_little_memory(own):
    count = loops.count("IDLE_SUBSCRIBERS")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 1000:
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, count + 1000))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < count + 1000:
        pytest.skip(f"no more than {hard} descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 1000, hard))
    server = own.server.start()
    head, body = stock_request(own.name)
    streams = []
    try:
        for _ in range(count):
            stream = socket.create_connection(("127.0.0.1", server.port),
                                              timeout=DEADLINE_SECONDS)
            stream.sendall(head.encode() + body)
            streams.append(stream)
        for stream in streams:
            assert stream.recv(16)
        assert server.threads() < 8
        kib = server.resident_kib()
        print(f"{count} idle subscribers: {kib} KiB")
        assert kib < MEMORY_MAX_KIB or SANITIZED
    finally:
        for stream in streams:
            stream.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
