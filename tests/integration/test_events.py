# SPDX-License-Identifier: Apache-2.0
"""The event stream: every rule that stock clients depend on, with real processes."""

import contextlib
import http.client
import json
import shutil
import signal
import socket
import time

import pytest

from event_site import (API, EventSite, Raw, Stock, activity, chunks, extended_request,
                        stock_request)
from forger import Forger
from replica import Published, Replica
from servers import DEADLINE_SECONDS, fetch, wait_until
from test_event_log import rows


@pytest.fixture
def site(folder, origin, published):
    site = EventSite(folder, origin.url(published.fqrn), published)
    site.replica.snapshot().assert_ok()
    yield site
    site.close()


def test_a_subscriber_gets_the_retained_message_and_the_next_ones(site):
    server = site.server.start()
    with Stock(server.url, site.name) as stock:
        stock.wait_for("message")
        stock.expect_none("retry", "end", "broken")


def test_the_retained_message_is_for_the_newcomer_alone(site):
    server = site.server.start()
    with Stock(server.url, site.name) as first:
        first.wait_for("message")
        with Stock(server.url, site.name, 3) as newcomers:
            newcomers.wait_for("message")
            newcomers.expect_none("retry", "end", "broken")
        first.expect_none("retry", "end", "broken")
        assert [line.split()[0] for line in first.lines[0]] == ["began", "message"]


def test_head_and_chunks_are_as_stock_clients_need_them(site):
    server = site.server.start()
    with Raw(server.port, *stock_request(site.name)) as raw:
        stream = raw.until(b"}\n\n\r\n")
        head = stream.split(b"\r\n\r\n")[0].lower()
        assert head.startswith(b"http/1.1 200 ")
        assert b"content-type: text/event-stream" in head
        assert b"cache-control: no-cache" in head
        assert b"transfer-encoding: chunked" in head and b"content-length" not in head
        (piece,) = chunks(stream)
    assert piece.startswith(b"data: {") and piece.endswith(b"}\n\n")
    assert piece.count(b"\n") == 2
    message = json.loads(piece[6:])
    assert message["repository"] == site.name
    assert message["manifest"] == site.message()["manifest"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stream_never_ends_properly(site, number):
    server = site.server.start()
    with Raw(server.port, *stock_request(site.name)) as raw:
        raw.until(b"}\n\n\r\n")
        server.end(number)
        stream = raw.rest()
    assert stream.endswith(b"}\n\n\r\n") and len(chunks(stream)) == 1


def test_what_cannot_be_subscribed_to_is_held_and_then_dropped_without_a_word(site):
    server = site.server.start()
    began = time.monotonic()
    with Raw(server.port, *stock_request("no/name")) as bad, \
            Raw(server.port, f"GET {API}/notifications/subscribe HTTP/1.1\r\nHost: x\r\n\r\n") as none:
        assert bad.rest() == b"" and none.rest() == b""
    # A stock client's patience: the server's clock, not the test's, decides.
    assert time.monotonic() - began >= 6


def test_more_subscribers_than_allowed_are_held(site):
    site.set(REPLICA_EVENT_SUBSCRIBERS=2)
    server = site.server.start()
    with Stock(server.url, site.name, 2) as served:
        served.wait_for("message")
        with Raw(server.port, *stock_request(site.name)) as extra:
            assert extra.rest() == b""
        answer = fetch(server.port, f"{API}/notifications/subscribe?repository={site.name}")
        assert answer.status == 503
        served.expect_none("retry", "end")


def test_a_posted_message_is_stored_and_sent(site, folder):
    site.log.unlink(missing_ok=True)
    server = site.server.start()
    with Stock(server.url, site.name, 3) as stock:
        stock.wait_for("began")
        assert server.publish(site.message()) == (200, {"status": "ok"})
        stock.wait_for("message")
        stock.expect_none("retry", "end", "broken")
    assert [row[1] for row in rows(site.log)] == [site.name]
    assert server.publish(site.message()) == (200, {"status": "ok"})
    assert len(rows(site.log)) == 1


def test_a_message_survives_a_restart(site):
    server = site.server.start()
    with Stock(server.url, site.name) as stock:
        stock.wait_for("message")
        for count, number in enumerate((signal.SIGTERM, signal.SIGKILL), 2):
            server.restart(number)
            stock.wait_for("message", count)
        stock.expect_none("end", "dead", "broken")


def damaged(text):
    return text[:100] + ("A" if text[100] != "A" else "B") + text[101:]


@pytest.mark.parametrize("change, code", [
    ({"manifest": "bm9uc2Vuc2U="}, 400), ({"version": 2}, 400), ({"type": "other"}, 400),
    ({"timestamp": "now"}, 400), ({"repository": "other.example.net"}, 400),
    ({"manifest": "!"}, 400), ({"repository": None}, 400)])
def test_what_does_not_verify_is_refused(site, change, code):
    server = site.server.start()
    before = rows(site.log)
    status, answer = server.publish(site.message(**change))
    assert (status, answer["status"]) == (code, "error") and answer["reason"]
    status, answer = server.publish(b"{")
    assert (status, answer["status"]) == (400, "error")
    status, _ = server.publish(site.message(manifest=damaged(site.message()["manifest"])))
    assert status == 400
    assert rows(site.log) == before
    assert server.publish(site.message())[0] == 200


def test_queries_are_answered_as_the_gateway_does(site):
    server = site.server.start()

    def ask(path, method="GET"):
        answer = fetch(server.port, API + path, method)
        assert int(answer.headers["content-length"]) == len(answer.body)
        return answer.status, json.loads(answer.body)

    facts = {"keys": {}, "enabled": True}
    assert ask("/repos") == (200, {"status": "ok", "data": {site.name: facts}})
    assert ask(f"/repos/{site.name}") == (200, {"status": "ok", "data": facts})
    assert ask("/repos/none") == (200, {"status": "error", "reason": "invalid_repo"})
    assert ask("/leases") == (200, {"status": "ok", "data": {}})
    assert ask("/")[0] == 200
    assert ask("/other")[0] == 404
    assert ask("/leases", "POST")[0] == 405
    assert ask("/notifications/subscribe", "POST")[0] == 405


def test_the_extended_stream_has_identifiers_and_goes_on_from_one(site):
    server = site.server.start()
    (last,) = rows(site.log)[-1:]
    with Raw(server.port, *extended_request(f"repository={site.name},b.example.net")) as raw:
        hint, event = chunks(raw.until(b"}\n\n\r\n"))
    assert hint.startswith(b"retry: ")
    lines = event.decode().split("\n")
    assert lines[0] == f"id: {last[0]}" and lines[1] == "event: activity"
    assert json.loads(lines[2][6:])["repository"] == site.name
    for query, headers in ((f"since={last[0]}", ""), ("", f"Last-Event-ID: {last[0]}\r\n")):
        with Raw(server.port, *extended_request(f"repository={site.name}&{query}", headers)) as raw:
            assert chunks(raw.until(b": \n\n\r\n"))[1:] == [b": \n\n"]
    for query in ("repository=", "repository=a/b", "since=1", f"repository={site.name}&since=x"):
        answer = fetch(server.port, f"{API}/notifications/subscribe?{query}")
        assert answer.status == 400


def test_requests_that_take_too_long_or_too_much_are_ended(site):
    server = site.server.start()
    with Raw(server.port, "GET /api/v1/ HTTP/1.1\r\n") as slow:
        answer = fetch(server.port, API + "/notifications/publish", "POST",
                       {"Content-Length": "10000000"}, b"")
        assert answer.status == 413
        assert b"200" not in slow.rest()


def test_a_stranger_cannot_send_without_end(site):
    server = site.server.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)

    def status():
        connection.request("POST", f"{API}/notifications/publish", b"{}")
        answer = connection.getresponse()
        answer.read()
        return answer.status

    # More at once than are allowed in all the time that these take.
    with contextlib.closing(connection):
        assert {status() for _ in range(500)} == {400, 429}


def test_dead_subscribers_are_forgotten(site):
    server = site.server.start()
    before = server.sockets()
    streams = [Raw(server.port, *stock_request(site.name)) for _ in range(20)]
    for raw in streams:
        raw.until(b"}\n\n\r\n")
    assert server.sockets() > 20
    for raw in streams:
        raw.socket.close()
    wait_until(lambda: server.sockets() <= before, "all are forgotten")


def test_a_reload_disconnects_nobody_and_reads_all_anew(site, folder):
    server = site.server.start()
    with Stock(server.url, site.name) as stock:
        stock.wait_for("message")
        stranger = Published(folder / "stranger", "new.example.net")
        stranger.key.chmod(0o644)
        message = activity(stranger.storage, stranger.fqrn)
        assert server.publish(message)[0] == 400
        # Known without a reload, too.
        Replica(folder / "replica", stranger.fqrn, f"file://{stranger.storage}", stranger.key)
        shutil.copytree(stranger.storage, folder / "replica" / "srv" / stranger.fqrn,
                        dirs_exist_ok=True)
        assert server.publish(message) == (200, {"status": "ok"})
        site.set(REPLICA_EVENT_SUBSCRIBERS=1)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in server.text(), "it has read them")
        assert stranger.fqrn in json.loads(fetch(server.port, f"{API}/repos").body)["data"]
        site.set(REPLICA_EVENT_SUBSCRIBERS="nonsense")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "not reloaded" in server.text(), "it says that it cannot")
        stock.expect_none("retry", "end", "broken")


def test_a_number_of_another_service_is_not_believed(site):
    server = site.server.start()
    with Raw(server.port, *extended_request(f"repository={site.name}&since={2**62}")) as raw:
        assert site.name.encode() in raw.until(b"}\n\n\r\n")
