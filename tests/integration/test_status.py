# SPDX-License-Identifier: Apache-2.0
"""The status door: a page, metrics and JSON about the server and its repositories."""

import html.parser
import json
import os
import re
import shutil
import subprocess
import time

import pytest

import mmdb
from conftest import make_folder
from replica import REPLICACTL
from servers import Httpd, fetch, free_port
from snapshotd import Fleet
from tree import replace_file

GOOD, BAD, NEW = "a.example.net", "b.example.net", "c.example.net"
PAGE, METRICS, JSON = "/replica-status/", "/replica-status/metrics", "/replica-status/status.json"
DATABASE = "geo.mmdb"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
SAMPLE = re.compile(r'([a-z_]+)(?:\{repository="([A-Za-z0-9._-]+)"\})? (-?\d+)')
VOID = {"meta", "line", "rect", "br"}


def status_file(fleet, name):
    return fleet.replicas[name[0]].storage / ".cvmfs_status.json"


def change_status(fleet, name, **values):
    path = status_file(fleet, name)
    replace_file(path, json.dumps({**json.loads(path.read_text()), **values}).encode())


def make_fleet(folder):
    """One replica that is fine, one that fails, one that never began."""
    fleet = Fleet(folder)
    for name in "abc":
        fleet.add(name, CVMFS_HTTP_RETRIES=0)
    fleet.replicas["a"].snapshot().assert_ok()
    fleet.replicas["b"].snapshot().assert_ok()
    fleet.replicas["a"].snapshot().assert_ok()  # without news
    fleet.origin.fault("/cvmfs/b.example.net/.cvmfspublished", "status", 503)
    fleet.replicas["b"].snapshot().assert_failed("503")
    mmdb.write_standard(folder / DATABASE)
    with open(fleet.confdir / "server.local", "a", encoding="ascii") as settings:
        settings.write(f"REPLICA_GEO_DB={folder / DATABASE}\n"
                       f"REPLICA_STORAGE_DIR={folder}/replica/srv\n")
    return fleet


@pytest.fixture(scope="module")
def site():
    """Servers for tests that only read: .fleet, .httpd with the door, .closed without it."""
    class Site:
        pass

    folder = make_folder()
    site = Site()
    site.fleet = make_fleet(folder)
    site.closed = free_port()
    site.httpd = Httpd(folder / "httpd", f"""
Listen 127.0.0.1:{site.closed}
<VirtualHost 127.0.0.1:{site.closed}>
    Replica {site.fleet.confdir}
</VirtualHost>
<VirtualHost *>
    Replica {site.fleet.confdir} status
</VirtualHost>
""").start()
    yield site
    site.httpd.stop()
    site.fleet.origin.close()
    shutil.rmtree(folder)


def report_of(httpd):
    response = httpd.fetch(JSON)
    assert response.status == 200 and response.headers["content-type"] == "application/json"
    report = json.loads(response.body)
    return report, {entry["name"]: entry for entry in report["repositories"]}


def samples_of(httpd):
    """(name, repository or None) -> value; every line is checked."""
    response = httpd.fetch(METRICS)
    assert response.status == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples, described = {}, set()
    for line in response.body.decode().splitlines():
        if line.startswith("# HELP "):
            described.add(line.split()[2])
        elif not line.startswith("# TYPE "):
            name, repository, value = SAMPLE.fullmatch(line).groups()
            assert name in described and (name, repository) not in samples
            samples[name, repository] = int(value)
    return samples


class Page(html.parser.HTMLParser):
    """Checks that tags are balanced; collects the text of table rows and the tags."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.rows, self.classes = [], set(), [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.classes.append((tag, dict(attrs).get("class")))
        if tag == "tr":
            self.rows.append([])
        if tag not in VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and "tr" in self.open:
            self.rows[-1].append(data.strip())


def page_of(httpd):
    response = httpd.fetch(PAGE)
    assert response.status == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    return Page(response.body.decode())


def test_the_door_is_closed_unless_it_is_named(site):
    for path in (PAGE, PAGE[:-1], METRICS, JSON):
        assert fetch(site.closed, path).status == 404
        assert site.httpd.fetch(path).status == 200
    assert fetch(site.closed, f"/cvmfs/{GOOD}/.cvmfspublished").status == 200
    assert site.httpd.fetch(f"/cvmfs/{GOOD}/.cvmfspublished").status == 404
    assert site.httpd.fetch("/cvmfs/x/api/v1.0/geo/x/10.0.0.1").status == 404
    assert site.httpd.fetch("/replica-status/other").status == 404


def test_only_reading_and_head_like_get(site):
    for path in (PAGE, METRICS, JSON):
        assert site.httpd.fetch(path, method="POST").status == 405
        head = site.httpd.fetch(path, method="HEAD")
        assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 0


def test_json(site):
    report, repositories = report_of(site.httpd)
    assert list(repositories) == [GOOD, BAD, NEW]
    good, bad, new = (repositories[name] for name in (GOOD, BAD, NEW))
    assert good["state"] == "good" and good["revision"] == good["upstream_revision"] == 2
    assert good["lag_seconds"] == 0 and 0 <= good["age_seconds"] < 3600
    assert [run["result"] for run in good["history"]] == ["ok"], "the second had no news"
    run = good["history"][0]
    assert run["revision"] == 2 and run["objects"] > 2 and run["bytes"] > 1000
    assert DATE.fullmatch(run["started"]) and run["started"] <= run["ended"]
    assert bad["state"] == "failing" and "503" in bad["last_error"] and bad["revision"] == 2
    assert [run["result"] for run in bad["history"]] == ["ok", "unreachable"]
    assert bad["last_attempt"] >= bad["last_snapshot"]
    assert new["state"] == "no snapshot yet" and new["history"] == [] and "revision" not in new
    assert "age_seconds" not in new and "null" not in json.dumps(report)
    assert report["geo_database"]["is_there"] is True
    assert report["geo_database"]["days_left"] in (29, 30)
    assert report["storage"]["total_bytes"] >= report["storage"]["free_bytes"] > 0


def test_metrics(site):
    samples = samples_of(site.httpd)
    prefix = "replica_repository_"
    assert samples[prefix + "revision", GOOD] == 2
    assert (prefix + "revision", NEW) not in samples
    assert [samples[prefix + "failing", name] for name in (GOOD, BAD)] == [0, 1]
    assert samples[prefix + "lag_seconds", GOOD] == 0
    assert abs(samples[prefix + "last_snapshot_timestamp_seconds", GOOD] - time.time()) < 3600
    assert samples[prefix + "last_run_bytes", GOOD] > 1000
    assert samples[prefix + "whitelist_expiry_timestamp_seconds", BAD] > time.time()
    assert {samples[prefix + "out_of_service", name] for name in (GOOD, BAD, NEW)} == {0}
    assert samples["replica_geo_database_build_timestamp_seconds", None] == mmdb.EPOCH
    assert samples["replica_geo_database_days_left", None] in (29, 30)
    assert samples["replica_storage_free_bytes", None] > 0


def test_page(site):
    page = page_of(site.httpd)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    rows = {row[0]: row for row in page.rows if row}
    assert "good" in rows[GOOD] and "2" in rows[GOOD] and "none" in rows[GOOD]
    assert "failing" in rows[BAD] and "no snapshot yet" in rows[NEW]
    assert any("503" in text for row in page.rows for text in row), "the error is shown"
    bars = [name for tag, name in page.classes if tag == "rect"]
    assert sorted(bars) == ["failed", "ok", "ok"]


@pytest.fixture
def lonely(site):
    """Fleet and server for a test that changes things: all is as before afterwards."""
    replicas = site.fleet.confdir.parent
    saved = replicas.with_name("saved")
    shutil.copytree(replicas, saved, symlinks=True)
    yield site.fleet, site.httpd
    shutil.rmtree(replicas)
    saved.rename(replicas)


def test_what_others_wrote_is_only_text(lonely):
    fleet, httpd = lonely
    change_status(fleet, BAD, last_error="<script>alert('&')</script>\u202e\x07",
                  snapshot_history="<b>/x/1/2/3/ok 2026-01-01T00:00:00Z", last_gc="nonsense",
                  upstream_revision="-3", upstream_published="x")
    page = page_of(httpd)
    assert not page.tags & {"script", "img"}
    assert any("<script>alert('&')</script>" in text for row in page.rows for text in row)
    report, repositories = report_of(httpd)
    assert repositories[BAD]["history"] == [] and "last_gc" not in repositories[BAD]
    assert "upstream_revision" not in repositories[BAD]
    samples_of(httpd)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b'{"last_snapshot": 7}',
                                     b'{"last_error": null}', b"{}" * 200000],
                         ids=range(7))
def test_a_damaged_status_file_costs_only_what_it_said(lonely, content):
    fleet, httpd = lonely
    replace_file(status_file(fleet, GOOD), content)
    _, repositories = report_of(httpd)
    assert repositories[GOOD]["revision"] == 2 and "last_snapshot" not in repositories[GOOD]
    assert repositories[GOOD]["state"] == "no snapshot yet"
    assert page_of(httpd).rows and samples_of(httpd)


def test_states(lonely):
    fleet, httpd = lonely

    def state(name):
        return report_of(httpd)[1][name]["state"]

    change_status(fleet, GOOD, last_snapshot="Thu Aug  3 10:00:03 UTC 2023")
    assert state(GOOD) == "old"
    marker = fleet.replicas["a"].storage / ".cvmfs_is_snapshotting"
    replace_file(marker, b"Thu Aug  3 10:00:03 UTC 2023\n")
    assert state(GOOD) == "in progress"
    assert report_of(httpd)[1][GOOD]["running"]["since"] == "2023-08-03T10:00:03Z"
    marker.unlink()
    replace_file(fleet.replicas["b"].storage / ".cvmfspublished", b"nonsense")
    assert state(BAD) == "out of service"
    replace_file(fleet.confdir / "repositories.d" / NEW / "replica.conf",
                 b"CVMFS_NUM_WORKERS=many\n")
    assert state(NEW) == "out of service"
    assert "CVMFS_NUM_WORKERS" in report_of(httpd)[1][NEW]["problem"]
    (fleet.confdir / "repositories.d" / NEW / "replica.conf").unlink()
    assert state(NEW) == "published here"


def test_lag_behind_the_upstream(lonely):
    fleet, httpd = lonely
    two_hours_ago = int(time.time()) - 7200
    change_status(fleet, GOOD, upstream_revision="5", upstream_published=str(two_hours_ago))
    _, repositories = report_of(httpd)
    assert 7200 <= repositories[GOOD]["lag_seconds"] < 8000
    assert "upstream has 5" in next(row for row in page_of(httpd).rows if row and row[0] == GOOD)


def test_the_daemon_s_report(lonely):
    fleet, httpd = lonely
    replace_file(fleet.replicas["a"].storage / ".cvmfs_is_snapshotting",
                 b"Thu Aug  3 10:00:03 UTC 2023\n")
    fleet.spool.mkdir(exist_ok=True)
    replace_file(fleet.spool / "snapshotd.json", json.dumps({
        "written": "2026-01-01T00:00:00Z", "geo": {"error": "no route"},
        "replicas": {GOOD: {"next": "2100-01-01T00:00:00Z",
                            "progress": {"objects": 77, "bytes": 1500}}}}).encode())
    report, repositories = report_of(httpd)
    assert report["daemon_reported"] == "2026-01-01T00:00:00Z"
    assert report["geo_database"]["last_error"] == "no route"
    assert repositories[GOOD]["next_snapshot"] == "2100-01-01T00:00:00Z"
    assert repositories[GOOD]["running"]["objects"] == 77
    row = next(row for row in page_of(httpd).rows if row and row[0] == GOOD)
    assert any("77 objects, 1.5 kB" in text for text in row)


def test_the_daemon_s_event_sources(lonely):
    fleet, httpd = lonely
    fleet.spool.mkdir(exist_ok=True)
    replace_file(fleet.spool / "snapshotd.json", json.dumps({"event_sources": [
        {"url": "http://a/api/v1", "stream": "extended", "repositories": 3, "streams": 1,
         "connected": 1, "connected_since": "2026-01-01T00:00:00Z", "events": 5,
         "last_event": "2026-01-01T00:00:01Z", "retries": 2},
        {"url": 'http://"b\\', "stream": "strict", "streams": 2, "connected": 1, "error": "<lost>"},
        {"events": 1}, 7]}).encode())
    one, other = report_of(httpd)[0]["event_sources"]
    assert (one["stream"], one["connected"], one["events"], one["retries"]) == ("extended", 1, 5, 2)
    assert one["last_event"] == "2026-01-01T00:00:01Z" and "error" not in one
    assert other["stream"] == "strict" and other["error"] == "<lost>"
    assert "connected_since" not in other
    metrics = httpd.fetch(METRICS).body.decode()
    assert 'replica_event_source_connected{source="http://a/api/v1"} 1\n' in metrics
    assert 'replica_event_source_retries{source="http://a/api/v1"} 2\n' in metrics
    assert 'replica_event_source_connected{source="http://\\"b\\\\"} 0\n' in metrics
    assert b"<b class=\"warn\">1 of 2</b>" in httpd.fetch(PAGE).body
    done = subprocess.run([REPLICACTL, "status"], text=True, capture_output=True, check=True,
                          env={"REPLICA_CONFDIR": str(fleet.confdir)})
    assert "Events of http://a/api/v1: connected for " in done.stdout
    assert ": 1 of 2 streams connected\n  <lost>\n" in done.stdout


def test_the_command_says_the_same(lonely):
    fleet, httpd = lonely

    def run(*arguments, code=0):
        done = subprocess.run([REPLICACTL, "status", *arguments], text=True, capture_output=True,
                              env={"REPLICA_CONFDIR": str(fleet.confdir)}, check=False)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    report, repositories = report_of(httpd)
    mine = json.loads(run("--json"))
    # Ages go on.
    same = ("name", "fqrn", "kind", "state", "revision", "last_error", "history")
    for theirs in mine["repositories"]:
        ours = repositories[theirs["name"]]
        assert [theirs.get(key) for key in same] == [ours.get(key) for key in same]
    assert mine["geo_database"] == report["geo_database"]
    lines = run().splitlines()
    assert lines[0].split() == ["REPOSITORY", "STATE", "REVISION", "LAST", "SNAPSHOT", "LAG",
                                "WHITELIST", "NEXT", "IN"]
    assert re.match(rf"{GOOD} +good +2 +\d+ [a-z]+ +none +\d+ [a-z]+ +-$", lines[1])
    assert re.match(rf"{BAD} +failing +2 ", lines[2]) and "503" in lines[3]
    assert any(re.fullmatch(r"Geo database: built .* ago, installed .* ago, (29|30) days left", line)
               for line in lines)
    for days, left in ((20, 9), (31, 0)):
        stamp = time.time() - 86400 * days - 60
        os.utime(fleet.folder / DATABASE, (stamp, stamp))
        assert f" ago, {left} days left\n" in run()
        assert f"{left} days left" in httpd.fetch(PAGE).body.decode()
    os.utime(fleet.folder / DATABASE)
    assert "takes only --json" in run("--xml", code=3)
    assert "takes only --json" in run("name", code=3)


def test_a_server_without_anything(folder):
    confdir = folder / "etc"
    (confdir / "repositories.d").mkdir(parents=True)
    (confdir / "server.local").write_text(f"REPLICA_STORAGE_DIR={folder}/absent\n"
                                          f"CVMFS_UPDATEGEO_DIR={folder}/absent\n"
                                          f"REPLICA_SPOOL_DIR={folder}/absent\n")
    httpd = Httpd(folder / "httpd", f"Replica {confdir} status").start()
    try:
        assert report_of(httpd)[0]["repositories"] == []
        assert samples_of(httpd)["replica_geo_database_present", None] == 0
        assert page_of(httpd).tags
    finally:
        httpd.stop()


