# SPDX-License-Identifier: Apache-2.0
"""What monitoring programs expect, row by row of the compatibility list (I1 to I4)."""

import datetime
import json
import os
import shutil
import threading

import pytest

import mmdb
from cli import OWNER
from conftest import make_folder
from monitors import Scraper, Servermon, strict_date
from replica import REPLICACTL, Published
from servers import DEADLINE_SECONDS, SANITIZED, Httpd, wait_until

NAME = "sw.example.net"
URL = f"/cvmfs/{NAME}"
# The names that the probes ask about.
HOSTS = f"""{mmdb.CERN} cvmfs-stratum-one.cern.ch
{mmdb.FNAL} cvmfs-s1fnal.opensciencegrid.org
{mmdb.IHEP} cvmfs-stratum-one.ihep.ac.cn
"""
# The first nine days, and every month; in the past, so that no whitelist has expired.
DAYS = [datetime.datetime(2026, 1, day, 3, 4, 5) for day in range(1, 10)] + [
    datetime.datetime(2025, month, 28, 23, 59, 59) for month in range(1, 13)]
READS = 10_000


def utc_now():
    return datetime.datetime.now(datetime.timezone.utc)


@pytest.fixture(scope="module")
def published():
    """One whose old revisions may be collected."""
    path = make_folder()
    repository = Published(path / "published", NAME, "collectable=yes")
    repository.key.chmod(0o644)
    yield repository
    shutil.rmtree(path)


@pytest.fixture
def start_httpd(folder, site):
    started = []

    def start():
        server = Httpd(folder / "httpd", f"Replica {site.confdir}")
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


def add_replica(site, origin, published, *options):
    site.run("add-replica", "-o", OWNER, *options, origin.url(NAME), published.key)


def add_database(site):
    folder = site.folder / "geo"
    folder.mkdir(exist_ok=True)
    mmdb.write_standard(folder / "GeoLite2-City.mmdb")
    (folder / "hosts").write_text(HOSTS)
    site.set(REPLICA_GEO_HOSTS_FILE=folder / "hosts")


# I1 ---------------------------------------------------------------------------------------


def test_i1_one_replica_without_a_geo_database(site, origin, published, start_httpd):
    add_replica(site, origin, published)
    site.run("snapshot", NAME)
    scraper = Scraper(start_httpd())
    info = scraper.repositories()
    assert "last_geodb_update" not in info
    assert [element["url"] for element in info["replicas"]] == [URL]
    assert scraper.status(URL)["last_snapshot"]
    assert scraper.manifest(URL)["N"] == NAME


def test_i1_several_replicas_an_alias_a_pass_through_and_a_database(site, origin, published,
                                                                     start_httpd):
    add_database(site)
    add_replica(site, origin, published)
    add_replica(site, origin, published, "-n", "mirror.example.org")
    site.run("add-replica", "-P", "-p", "-o", OWNER, "-n", "far.example.org", origin.url(NAME))
    site.run("snapshot", NAME)
    site.run("snapshot", "mirror.example.org")
    site.run("update-info", "-e")
    httpd = start_httpd()
    scraper = Scraper(httpd)
    info = scraper.repositories()
    strict_date(info["last_geodb_update"])
    assert info["replicas"] == [
        {"name": NAME, "alias": "far.example.org", "pass-through": True,
         "url": "/cvmfs/far.example.org"},
        {"name": NAME, "alias": "mirror.example.org", "url": "/cvmfs/mirror.example.org"},
        {"name": NAME, "url": URL}]
    for url in (URL, "/cvmfs/mirror.example.org"):
        assert scraper.status(url)["last_snapshot"]
        scraper.manifest(url)
        probe = Servermon(httpd, url, utc_now())
        assert [probe.updated(), probe.gc(), probe.whitelist(), probe.check()] == ["OK"] * 4
    assert scraper.geo(NAME) == [2, 1, 3]
    assert Servermon(httpd, URL, utc_now()).geo() == "OK"
    later = utc_now() + datetime.timedelta(days=31)
    assert Servermon(httpd, URL, later).geo() == "WARNING"


def test_i1_after_a_check_and_a_garbage_collection(site, origin, published, start_httpd):
    add_replica(site, origin, published)
    site.run("snapshot", NAME)
    site.run("check", "-a")
    site.run("gc", "-f", NAME)
    httpd = start_httpd()
    status = Scraper(httpd).status(URL)
    strict_date(status["last_check"])
    strict_date(status["last_gc"])
    for days, state in ((0, "OK"), (11, "WARNING"), (21, "CRITICAL")):
        later = utc_now() + datetime.timedelta(days=days)
        assert Servermon(httpd, URL, later).gc() == state
    assert status["check_status"] == "succeeded"
    victim = next(path for path in (site.storage / NAME / "data").glob("??/*")
                  if path.name[-1] not in "CHXM")
    victim.unlink()
    site.set(CVMFS_CHECK_ALL_MIN_DAYS=0)
    site.run("check", "-a")
    assert Scraper(httpd).status(URL)["check_status"] == "failed"
    assert Servermon(httpd, URL, utc_now()).check() == "WARNING"


def test_i1_a_replica_that_fails_ages_in_the_eyes_of_the_monitor(site, origin, published,
                                                                 start_httpd):
    add_replica(site, origin, published)
    site.run("snapshot", NAME)
    origin.fault(".cvmfspublished", "status", 503)
    site.run("snapshot", NAME, code=1)
    httpd = start_httpd()
    assert Scraper(httpd).status(URL)["last_error"]
    for hours, state in ((1, "OK"), (9, "WARNING"), (25, "CRITICAL")):
        probe = Servermon(httpd, URL, utc_now() + datetime.timedelta(hours=hours))
        assert probe.updated() == state


# I2 ---------------------------------------------------------------------------------------


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' libraries must come before the clock's")
@pytest.mark.parametrize("moment", DAYS, ids=str)
def test_i2_dates_of_every_day_and_month_in_any_locale(site, origin, published, moment):
    add_replica(site, origin, published)
    database = site.folder / "geo" / "GeoLite2-City.mmdb"
    database.parent.mkdir()
    mmdb.write_standard(database)
    stamp = moment.replace(tzinfo=datetime.timezone.utc).timestamp()
    os.utime(database, (stamp, stamp))
    for verb in (["snapshot", NAME], ["check", "-a"], ["gc", "-f", NAME], ["scrub", NAME],
                 ["update-info", "-e"]):
        site.run("-f", f"@{moment}", REPLICACTL, *verb, program=shutil.which("faketime"), TZ="UTC", NO_FAKE_STAT="1",
                 LC_ALL="de_DE.UTF-8", LC_TIME="de_DE.UTF-8")
    status = json.loads((site.storage / NAME / ".cvmfs_status.json").read_text())
    info = json.loads((site.storage / "info/v1/repositories.json").read_text())
    texts = [status[key] for key in ("last_snapshot", "last_attempt", "last_check", "last_gc",
                                     "last_scrub")]
    texts += [info["last_geodb_update"],
              (site.storage / NAME / ".cvmfs_last_snapshot").read_text().strip("\n")]
    for text in texts:
        when = strict_date(text).replace(tzinfo=None)
        assert datetime.timedelta(0) <= when - moment < datetime.timedelta(minutes=1), texts


# I3 ---------------------------------------------------------------------------------------


def test_i3_a_fresh_replica_is_no_alarm(site, origin, published, start_httpd):
    """While the first snapshot runs there is only the date on which it began."""
    # It goes on until the end of what is looked at meanwhile.
    site.set(CVMFS_HTTP_TIMEOUT=4 * DEADLINE_SECONDS)
    add_replica(site, origin, published)
    httpd = start_httpd()
    assert Servermon(httpd, URL, utc_now()).updated() == "WARNING"  # nothing at all
    stalled = origin.fault("/data/", "stall", 0)
    run = threading.Thread(target=site.run, args=("snapshot", NAME))
    run.start()
    wait_until(lambda: stalled.hits > 0, "the first object is asked for")
    assert httpd.fetch(f"{URL}/.cvmfs_last_snapshot").status == 404
    assert "last_snapshot" not in Scraper(httpd).status(URL)
    assert httpd.fetch(f"{URL}/.cvmfs_is_snapshotting").status == 200
    for hours, state in ((1, "OK"), (71, "OK"), (73, "WARNING"), (217, "CRITICAL")):
        probe = Servermon(httpd, URL, utc_now() + datetime.timedelta(hours=hours))
        assert probe.updated() == state
    origin.heal()
    origin.closing.set()
    run.join()
    assert httpd.fetch(f"{URL}/.cvmfs_is_snapshotting").status == 404
    assert Servermon(httpd, URL, utc_now()).updated() == "OK"


# I4 ---------------------------------------------------------------------------------------


def test_i4_ten_thousand_readers_never_see_part_of_a_file(site, origin, published, folder,
                                                          start_httpd):
    add_replica(site, origin, published)
    site.run("snapshot", NAME)
    httpd = start_httpd()
    scraper, stop, failures = Scraper(httpd), threading.Event(), []

    def change():
        while not stop.is_set():
            site.run("snapshot", NAME)
            site.run("update-info", "-e")

    def read():
        try:
            for _ in range(READS // 4 // 2):
                assert scraper.status(URL)["last_snapshot"]
                assert len(scraper.repositories()["replicas"]) == 1
        except Exception as failure:  # pylint: disable=broad-except
            failures.append(failure)

    writer = threading.Thread(target=change)
    writer.start()
    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    stop.set()
    writer.join()
    assert failures == []
