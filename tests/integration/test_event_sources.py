# SPDX-License-Identifier: Apache-2.0
"""snapshotd follows its upstreams' events: what makes it look at once, and what does not."""

import contextlib
import random
import re
import shutil
import signal
import time

import pytest

from event_service import EventService, silent_socket
from event_site import EventServer, EventSite, activity
from forger import Forger
from replica import Published, Replica
from servers import free_port, wait_until
from snapshotd import NEVER, Fleet, Snapshotd
from sources import fill
from test_event_log import rows

NAME = "a.example.net"


def more(fleet, number):
    """A new revision of a, which nobody has told of."""
    fleet.published["a"].publish(fill(fleet.folder / f"more{number}", random.Random(number),
                                      packages=1, files=2, large=1000))


def message(fleet):
    return activity(fleet.published["a"].storage, NAME)


def is_current(fleet):
    published = (fleet.published["a"].storage / ".cvmfspublished").read_bytes()
    return fleet.replicas["a"].manifest() == published


def wait_for_current(fleet):
    wait_until(lambda: is_current(fleet), "the replica has the new revision")


def sources(daemon):
    return daemon.status().get("event_sources", [])


def wait_for_source(daemon, condition, what):
    """Until the status has an only source of which that is true; gives the source."""
    found = []

    def is_there():
        found[:] = sources(daemon)
        return len(found) == 1 and condition(found[0])

    wait_until(is_there, what)
    return found[0]


def follow(fleet, daemon, *urls, **settings):
    """The daemon has its first snapshot of a, and never polls again."""
    fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=NEVER,
              REPLICA_EVENT_SOURCES=f"'{' '.join(urls)}'", **settings)
    daemon.start()
    daemon.wait_for_runs("a", 1)


def manifests_asked_for(fleet):
    return [headers for _, path, headers in list(fleet.origin.requests)
            if path.endswith("/.cvmfspublished")]


@pytest.fixture
def service(folder, fleet):
    """The process that serves events, on the publisher's side."""
    published = fleet.publish("a")
    published.key.chmod(0o644)
    site = EventSite(folder / "upstream", fleet.origin.url(NAME), published)
    site.server.start()
    yield site.server
    site.close()


@pytest.fixture
def folder_upstream(folder):
    (folder / "upstream").mkdir()


@pytest.fixture(autouse=True)
def upstream_first(folder_upstream):
    """The folder is there before the service that lives in it."""


def test_a_new_revision_is_replicated_without_polling(fleet, daemon, service):
    follow(fleet, daemon, service.url)
    for number in range(3):
        more(fleet, number)
        assert service.publish(message(fleet))[0] == 200
        wait_for_current(fleet)
    daemon.wait_for_runs("a", 4)
    assert len(daemon.runs("a")) == 4
    source = wait_for_source(daemon, lambda it: it["events"] >= 3, "the status counts them")
    assert source["url"] == service.url and source["stream"] == "extended"
    assert (source["repositories"], source["streams"], source["connected"]) == (1, 1, 1)
    assert source["connected_since"] <= source["last_event"]
    assert daemon.stop() == 0


def test_the_manifest_is_asked_for_past_caches(fleet, daemon, service):
    follow(fleet, daemon, service.url)
    fleet.origin.heal()
    more(fleet, 1)
    service.publish(message(fleet))
    wait_for_current(fleet)
    assert all(headers.get("Cache-Control") == "no-cache" for headers in manifests_asked_for(fleet))


def test_it_goes_on_when_the_service_comes_back(fleet, daemon, service):
    follow(fleet, daemon, service.url)
    for count, number in enumerate((signal.SIGKILL, signal.SIGTERM)):
        service.restart(number)
        more(fleet, count)
        assert service.publish(message(fleet))[0] == 200
        wait_for_current(fleet)
    wait_for_source(daemon, lambda it: it["retries"] >= 2, "the status counts them")
    assert daemon.stop() == 0


def test_what_it_missed_is_caught_up(fleet, daemon, service):
    """While the daemon is down, and while its connection is."""
    follow(fleet, daemon, service.url)
    daemon.stop()
    more(fleet, 1)
    service.publish(message(fleet))
    daemon.start()
    wait_for_current(fleet)
    service.end(signal.SIGKILL)
    service.start()
    more(fleet, 2)
    service.publish(message(fleet))
    wait_for_current(fleet)
    assert daemon.stop() == 0


def test_replicas_follow_replicas(fleet, daemon, service, folder):
    log = folder / "own" / "events.db"
    fleet.replicas["a"] = None
    follow(fleet, daemon, service.url)
    daemon.stop()
    (fleet.confdir / "server.local").write_text(f"REPLICA_EVENT_LOG={log}\n")
    daemon.start()
    (folder / "second").mkdir()
    second = Fleet(folder / "second")
    with contextlib.closing(second.origin), \
            contextlib.closing(EventServer(fleet.confdir, folder)) as relay:
        relay.start()
        published = fleet.published["a"]
        replica = Replica(second.folder / "replica", NAME, fleet.origin.url(NAME), published.key,
                          REPLICA_SNAPSHOT_INTERVAL=NEVER, REPLICA_EVENT_SOURCES=relay.url)
        with contextlib.closing(Snapshotd(second)) as other:
            other.start()
            other.wait_for_runs("a")
            more(fleet, 1)
            service.publish(message(fleet))
            wait_for_current(fleet)
            wait_until(lambda: replica.manifest() == fleet.replicas["a"].manifest(),
                       "the second one has it, too")
            assert other.stop() == 0


def test_a_service_that_knows_only_the_strict_stream_is_followed(fleet, daemon):
    fleet.publish("a")
    with EventService(is_strict=True) as stock:
        fleet.add("b", REPLICA_SNAPSHOT_INTERVAL=NEVER, REPLICA_EVENT_SOURCES=stock.url)
        follow(fleet, daemon, stock.url)
        wait_until(lambda: stock.streams == 2, "it has a stream for each repository")
        more(fleet, 1)
        stock.say(message(fleet))
        wait_for_current(fleet)
        assert stock.names("extended") == [[NAME, "b.example.net"]]
        assert sorted(stock.names("strict")) == [[NAME], ["b.example.net"]]
        stock.end_streams()
        wait_until(lambda: stock.streams == 2, "both are back")
        more(fleet, 2)
        stock.say(message(fleet))
        wait_for_current(fleet)
        source = wait_for_source(daemon, lambda it: it["connected"] == 2, "the status shows it")
        assert source["stream"] == "strict"
        assert daemon.stop() == 0


@pytest.mark.parametrize("status", [404, 503, 429])
def test_an_answer_that_says_nothing_of_streams_changes_none(fleet, daemon, status):
    fleet.publish("a")
    with EventService(is_strict=True, refusal=status) as service:
        follow(fleet, daemon, service.url)
        wait_until(lambda: len(service.names("extended")) >= 3, "it tries again")
        assert service.names("strict") == []
        service.is_strict = False
        more(fleet, 1)
        service.say(message(fleet))
        wait_for_current(fleet)


def forged(fleet, folder):
    """Messages that must not make anybody do anything."""
    true = message(fleet)
    stranger = Published(folder / "stranger", "b.example.net")
    forger = Forger(folder, fleet.published["a"])
    forger.publish(N="b.example.net", S=1000)
    other = activity(forger.storage, NAME)
    manifest = (fleet.published["a"].storage / ".cvmfspublished").read_bytes()
    (folder / "unsigned").mkdir()
    forger.publish(S=1000)
    signed = (forger.storage / ".cvmfspublished").read_bytes()
    (folder / "unsigned" / ".cvmfspublished").write_bytes(signed[:-10] + b"0123456789")
    (folder / "half").mkdir()
    (folder / "half" / ".cvmfspublished").write_bytes(manifest[:-300])
    return [b"{", b"nonsense", b"", b"[]", {**true, "version": 7}, {**true, "manifest": "!"},
            {**true, "manifest": "bm9uc2Vuc2U="}, {**true, "repository": "b.example.net"},
            activity(stranger.storage, "b.example.net"), other,
            activity(folder / "unsigned", NAME), activity(folder / "half", NAME),
            {**true, "type": "other"}, b"\xff\xfe\x00", b"x" * 200_000]


def test_what_is_forged_old_or_not_ours_costs_the_origin_nothing(fleet, daemon, folder):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        old = message(fleet)
        fleet.origin.heal()
        service.say(*forged(fleet, folder), old, old)
        wait_until(lambda: "message passed over" in daemon.text(), "it says so")
        more(fleet, 1)
        service.say(message(fleet))
        wait_for_current(fleet)
        daemon.wait_for_runs("a", 2)
        assert len(manifests_asked_for(fleet)) == 1
        assert daemon.text().count("message passed over") == 1
        assert daemon.stop() == 0


def test_what_is_too_long_ends_the_stream_and_no_more(fleet, daemon):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        service.say(b"y" * 300_000)
        wait_until(lambda: len(service.requests) > 1, "it begins again")
        with service.changed:
            service.pieces.clear()
        service.end_streams()
        more(fleet, 1)
        service.say(message(fleet))
        wait_for_current(fleet)
        assert "more than 262144 bytes" in daemon.text()


def test_what_cannot_be_verified_here_costs_one_look(fleet, daemon, folder):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        stranger = Published(folder / "stranger", NAME)
        forger = Forger(folder, stranger)
        fleet.origin.heal()
        messages = []
        for revision in range(100, 140):
            forger.publish(S=revision)
            messages.append(activity(forger.storage, NAME))
        # There is one look a minute.
        service.say(*messages)
        daemon.wait_for_runs("a", 2)
        more(fleet, 1)
        service.say(message(fleet))
        wait_for_current(fleet)
        daemon.wait_for_runs("a", 3)
        assert len(daemon.runs("a")) == 3


def test_a_flood_of_promises_that_are_not_kept_costs_a_few_looks(fleet, daemon, folder):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        forger = Forger(folder, fleet.published["a"])
        forger.publish(S=100)
        promise = activity(forger.storage, NAME)
        service.say(*[promise] * 3000)
        # At once, four times more, and as many again once that is over, of which one is made.
        daemon.wait_for_runs("a", 6)
        began = time.monotonic()
        service.say(*[promise] * 3000)
        daemon.wait_for_runs("a", 7)
        wait_for_source(daemon, lambda it: it["events"] == 6000, "it has read all")
        # One a minute.
        assert len(daemon.runs("a")) <= 7 + (time.monotonic() - began) // 60
        more(fleet, 1)
        assert daemon.stop() == 0


def test_a_manifest_that_comes_late_is_waited_for(fleet, daemon, service):
    follow(fleet, daemon, service.url)
    old = (fleet.published["a"].storage / ".cvmfspublished").read_bytes()
    fleet.origin.heal()
    fleet.origin.fault(r"/\.cvmfspublished$", "replace", old, times=3)
    more(fleet, 1)
    service.publish(message(fleet))
    wait_for_current(fleet)
    daemon.wait_for_runs("a", 5)
    assert [re.search(r"changed=(\w+)", line).group(1) for line in daemon.runs("a")] == \
        ["yes", "no", "no", "no", "yes"]


def test_a_hint_during_a_run_starts_one_more(fleet, daemon, service):
    follow(fleet, daemon, service.url)
    stall = fleet.origin.fault(r"/\.cvmfswhitelist$", "stall", 0, times=1)
    more(fleet, 1)
    service.publish(message(fleet))
    wait_until(lambda: stall.hits == 1, "a run is under way")
    more(fleet, 2)
    service.publish(message(fleet))
    fleet.origin.closing.set()
    wait_for_current(fleet)


def test_many_repositories_share_a_few_streams(fleet, daemon, folder):
    fleet.publish("a")
    with EventService() as service:
        (folder / "replica" / "etc").mkdir(parents=True)
        (fleet.confdir / "server.local").write_text(f"REPLICA_EVENT_SOURCES={service.url}\n")
        nobody = f"http://127.0.0.1:{free_port()}/cvmfs"
        names = [f"n{number}.example.net" for number in range(199)]
        for name in names:
            Replica(folder / "replica", name, f"{nobody}/{name}", fleet.published["a"].key,
                    REPLICA_SNAPSHOT_INTERVAL=NEVER, CVMFS_HTTP_RETRIES=0)
        fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=NEVER)
        daemon.start()
        daemon.wait_for_runs("a")
        wait_until(lambda: service.streams == 4, "all are followed")
        asked = service.names("extended")
        assert len(asked) == 4 and max(map(len, asked)) == 64
        assert sorted(sum(asked, [])) == sorted([NAME, *names])
        more(fleet, 1)
        service.say(message(fleet))
        wait_for_current(fleet)
        source = wait_for_source(daemon, lambda it: it["connected"] == 4, "the status shows it")
        assert source["repositories"] == 200


def test_services_that_are_out_of_order_are_not_pestered_and_hold_up_nobody(fleet, daemon, service):
    nobody = f"http://127.0.0.1:{free_port()}/api/v1"
    with EventService(behaviour="hang up") as rude, contextlib.closing(silent_socket()) as silent:
        follow(fleet, daemon, nobody, rude.url, "http://nowhere.invalid/api/v1",
               f"http://127.0.0.1:{silent.getsockname()[1]}/api/v1", "ftp://nonsense", service.url)
        wait_until(lambda: len(rude.requests) >= 5, "it is tried again and again")
        more(fleet, 1)
        service.publish(message(fleet))
        wait_for_current(fleet)
        began, before = time.monotonic(), len(rude.requests)
        time.sleep(2)
        # Even the luckiest draw: far from as fast as it can.
        assert len(rude.requests) - before < 20 * (time.monotonic() - began)
        assert "ftp://nonsense is not the URL" in daemon.text()
        by_url = {}

        def is_shown():
            by_url.update((source["url"], source) for source in sources(daemon))
            return len(by_url) == 5 and by_url[service.url]["connected"] == 1

        wait_until(is_shown, "the status has all")
        assert by_url[nobody]["connected"] == 0 and by_url[nobody]["error"]
        assert "error" not in by_url[service.url]
        assert daemon.stop() == 0


def test_a_stream_that_ends_properly_is_begun_again_where_it_stopped(fleet, daemon):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        wait_until(lambda: service.streams == 1, "it listens")
        with service.changed:
            service.pieces.append(b"id: 4711\nevent: activity\ndata: {}\n\n")
            service.changed.notify_all()
        wait_until(lambda: "message passed over" in daemon.text(), "it has read that")
        service.end_streams()
        wait_until(lambda: len(service.requests) == 2, "it is back")
        assert "Last-Event-ID" not in service.requests[0][2]
        assert service.requests[1][2]["Last-Event-ID"] == "4711"


def test_a_new_replica_is_followed_after_a_reload(fleet, daemon):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        wait_until(lambda: service.streams == 1, "it listens")
        fleet.add("b", REPLICA_SNAPSHOT_INTERVAL=NEVER, REPLICA_EVENT_SOURCES=service.url)
        daemon.reload()
        wait_until(lambda: service.names("extended")[-1] == [NAME, "b.example.net"],
                   "both are followed")
        shutil.rmtree(fleet.confdir / "repositories.d" / "b.example.net")
        daemon.reload()
        wait_until(lambda: service.names("extended")[-1] == [NAME], "one is")


def test_reconnecting_costs_no_descriptors(fleet, daemon):
    fleet.publish("a")
    with EventService() as service:
        follow(fleet, daemon, service.url)
        wait_until(lambda: service.streams == 1, "it listens")
        before = daemon.idle_descriptors(NEVER)
        for number in range(2, 8):
            service.end_streams()
            wait_until(lambda number=number: len(service.requests) >= number and
                       service.streams == 1, "it is back")
        assert daemon.idle_descriptors(NEVER) <= before
        assert daemon.stop() == 0
