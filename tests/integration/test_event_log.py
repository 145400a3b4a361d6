# SPDX-License-Identifier: Apache-2.0
"""The event log: what commits, snapshots and a daemon's start leave in it."""

import base64
import json
import random
import sqlite3
import subprocess

from cli import OWNER
from closure import manifest_fields
from servers import DEADLINE_SECONDS, wait_until
from sources import fill

NAME = "own.example.net"


def rows(log):
    """(sequence, topic, revision, mark, source, payload) of each event."""
    if not log.exists():
        return []
    connection = sqlite3.connect(f"file:{log}?mode=ro", uri=True,
                                 timeout=DEADLINE_SECONDS)
    try:
        return connection.execute("SELECT sequence, topic, revision, mark, source, payload "
                                  "FROM events ORDER BY sequence").fetchall()
    finally:
        connection.close()


def expect_head(row, storage, name):
    """The event tells of the head that the tree has."""
    fields = manifest_fields(storage)
    _, topic, revision, mark, _, payload = row
    assert (topic, revision) == (name, int(fields["S"]))
    assert mark == f"{fields['S']}-{fields['C']}"
    message = json.loads(payload)
    assert b"\n" not in payload
    assert (message["version"], message["type"], message["repository"]) == (1, "activity", name)
    assert base64.b64decode(message["manifest"]) == (storage / ".cvmfspublished").read_bytes()


def make(site, log):
    site.set(REPLICA_EVENT_LOG=log)
    log.parent.mkdir(mode=0o777)
    log.parent.chmod(0o777)
    site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", NAME)
    return site.storage / NAME


def test_each_commit_is_an_event(site, folder):
    log = folder / "events" / "log.db"
    storage = make(site, log)
    assert [row[2] for row in rows(log)] == [1]
    source = fill(folder / "source", random.Random(1), packages=1, files=2, large=1000)
    site.run("ingest", "--from", source, NAME)
    site.run("tag", "-a", "v1", NAME)
    expect_head(rows(log)[-1], storage, NAME)
    (source / "more").write_text("more")
    site.run("ingest", "--from", source, NAME)
    events = rows(log)
    assert len({row[3] for row in events}) == len(events)
    site.run("rollback", "-f", "-t", "v1", NAME)
    assert len(rows(log)) == len(events) + 1
    expect_head(rows(log)[-1], storage, NAME)
    assert all(row[4] == "publish" for row in rows(log))


def test_a_new_signature_of_the_same_revision_replaces_the_message(site, folder):
    log = folder / "events" / "log.db"
    storage = make(site, log)
    before = rows(log)
    own = site.confdir / "keys" / f"{NAME}.crt"
    subprocess.run(["openssl", "req", "-x509", "-new", "-key", own.with_suffix(".key"), "-out", own,
                    "-subj", "/CN=other", "-days", "2"], check=True, capture_output=True)
    site.run("resign", "-f", NAME)
    site.run("resign", "-f", "-p", NAME)
    assert [row[:4] for row in rows(log)] == [row[:4] for row in before]
    assert rows(log)[-1][5] != before[-1][5]
    expect_head(rows(log)[-1], storage, NAME)


def test_a_log_that_cannot_be_written_stops_no_commit(site, folder):
    log = folder / "events" / "log.db"
    storage = make(site, log)
    log.write_bytes(b"no database" * 100)
    source = fill(folder / "source", random.Random(1), packages=1, files=2, large=1000)
    revision = int(manifest_fields(storage)["S"])
    site.run("ingest", "--from", source, NAME)
    assert int(manifest_fields(storage)["S"]) == revision + 1


def test_each_snapshot_with_news_is_an_event(fleet, daemon, folder):
    log = folder / "events" / "log.db"
    replica = fleet.add("a")
    (fleet.confdir / "server.local").write_text(f"REPLICA_EVENT_LOG={log}\n")
    daemon.start()
    daemon.wait_for_runs("a", 3)
    assert len(rows(log)) == 1
    expect_head(rows(log)[0], replica.storage, "a.example.net")
    published = fleet.published["a"]
    published.publish(fill(folder / "more", random.Random(5), packages=1, files=2, large=1000))
    wait_until(lambda: len(rows(log)) == 2, "the new revision is an event")
    expect_head(rows(log)[1], replica.storage, "a.example.net")


def test_at_its_start_the_daemon_appends_what_a_crash_lost(fleet, daemon, folder):
    log = folder / "events" / "log.db"
    for name in "ab":
        fleet.add(name, REPLICA_SNAPSHOT_INTERVAL=100_000).snapshot().assert_ok()
    assert rows(log) == []
    (fleet.confdir / "server.local").write_text(f"REPLICA_EVENT_LOG={log}\n")
    daemon.start()
    first = rows(log)
    assert sorted(row[1] for row in first) == ["a.example.net", "b.example.net"]
    daemon.stop()
    daemon.start()
    assert rows(log) == first
    daemon.stop()
    log.unlink()
    daemon.start()
    again = rows(log)
    assert [row[1:] for row in again] == [row[1:] for row in first]
    assert again[0][0] > first[-1][0]
