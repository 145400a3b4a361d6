# SPDX-License-Identifier: Apache-2.0
"""snapshotd looks after the geo database."""

import os

import pytest

import mmdb
from cli import IS_ROOT
from geodb_server import ACCOUNT, DOWNLOAD, KEY, GeodbServer, as_vendor
from servers import wait_until
from snapshotd import Snapshotd

NAME = "GeoLite2-City.mmdb"


@pytest.fixture
def fleet(fleet):
    fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=100_000)
    return fleet


@pytest.fixture
def server(folder):
    server = GeodbServer()
    mmdb.write_standard(folder / "vendor.mmdb")
    server.offer(as_vendor((folder / "vendor.mmdb").read_bytes()))
    yield server
    server.close()


def configure(fleet, server, **settings):
    geo = fleet.folder / "geo"
    geo.mkdir(exist_ok=True)
    settings = {"CVMFS_UPDATEGEO_DIR": geo, "CVMFS_GEO_ACCOUNT_ID": ACCOUNT,
                "CVMFS_GEO_LICENSE_KEY": KEY,
                "CVMFS_UPDATEGEO_URLBASE": server.url + DOWNLOAD, **settings}
    (fleet.confdir / "server.local").write_text(
        "".join(f"{key}={value}\n" for key, value in settings.items() if value is not None))
    return geo / NAME


def result_of(daemon):
    wait_until(lambda: daemon.status().get("geo", {}).get("result"), daemon.text())
    return daemon.status()["geo"]


def test_it_gets_a_database_and_says_so(fleet, daemon, server):
    path = configure(fleet, server)
    daemon.start()
    geo = result_of(daemon)
    assert geo["result"] == "ok" and geo["build_epoch"] == mmdb.EPOCH and "error" not in geo
    assert path.exists()
    assert f"geodb result=installed build_epoch={mmdb.EPOCH}" in daemon.text()
    daemon.wait_for_runs("a")
    assert daemon.stop() == 0
    server.requests.clear()
    # It is fresh now, and what was is remembered.
    daemon.start()
    daemon.wait_for_notice("READY=1")
    daemon.reload()
    wait_until(lambda: daemon.status()["geo"] == geo, "the status is as it was")
    assert daemon.stop() == 0
    assert not server.requests
    assert KEY not in daemon.text() + (fleet.spool / "snapshotd.json").read_text()


def test_a_failure_is_in_log_and_status_and_a_reload_tries_again(fleet, daemon, server):
    path = configure(fleet, server, CVMFS_GEO_LICENSE_KEY="wrong")
    daemon.start()
    geo = result_of(daemon)
    assert geo["result"] == "refused" and "Invalid license key" in geo["error"]
    assert geo["build_epoch"] == 0
    assert "geodb result=refused: failed to download" in daemon.text()
    daemon.wait_for_runs("a")
    configure(fleet, server)
    daemon.reload()
    wait_until(path.exists, "the database is there")
    wait_until(lambda: daemon.status()["geo"]["result"] == "ok", "the status is good")
    assert "error" not in daemon.status()["geo"]
    assert daemon.stop() == 0


@pytest.mark.parametrize("settings", [
    {"CVMFS_GEO_AUTO_UPDATE": "false"}, {"CVMFS_GEO_DB_FILE": "NONE"},
    pytest.param({"CVMFS_GEO_LICENSE_KEY": None}, marks=pytest.mark.skipif(
        os.path.exists(f"/usr/share/GeoIP/{NAME}"), reason="the system has one"))])
def test_it_leaves_the_database_alone(fleet, daemon, server, settings):
    path = configure(fleet, server, **settings)
    daemon.start()
    daemon.wait_for_runs("a")
    assert daemon.stop() == 0
    assert not server.requests and not os.path.lexists(path)
    assert daemon.status()["geo"] == {}
    assert "geodb" not in daemon.text()


def test_a_stop_in_the_middle_leaves_nothing(fleet, daemon, server):
    path = configure(fleet, server)

    def stall(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.wfile.write(b"x" * 5000)
        handler.wfile.flush()
        server.closing.wait()

    server.answers[DOWNLOAD + "?suffix=tar.gz"] = stall
    daemon.start()
    wait_until(lambda: server.requests, "it downloads")
    assert daemon.stop() == 0
    assert os.listdir(path.parent) == []


@pytest.mark.skipif(not IS_ROOT, reason="becoming another user needs root")
def test_a_file_of_secrets_that_it_cannot_read_is_pointed_out(fleet, server):
    configure(fleet, server)
    os.chmod(fleet.confdir / "server.local", 0o600)
    for folder, _, _ in os.walk(fleet.folder):
        os.chmod(folder, 0o777)
    daemon = Snapshotd(fleet, user="nobody")
    try:
        daemon.start()
        wait_until(lambda: "a key for the geo database neither" in daemon.text(), "it says so")
        assert daemon.stop() == 0
    finally:
        daemon.close()
