# SPDX-License-Identifier: Apache-2.0
"""A replica under another local name than the repository's (add-replica -n)."""

import json

import pytest

from checks import assert_served
from cli import OWNER
from closure import manifest_fields, object_path
from servers import Httpd, wait_until
from snapshotd import Fleet, Snapshotd

NAME = "sw.example.net"
ALIAS = "mirror.example.org"


@pytest.fixture
def mirror(site, origin, published):
    """Both are here: the repository itself, empty, and a replica under an alias."""
    site.run("add-replica", "-o", OWNER, origin.url(NAME), published.key)
    site.run("add-replica", "-o", OWNER, "-n", ALIAS, origin.url(NAME), published.key)
    (site.folder / "logrotate").touch()
    return site


def test_every_verb_takes_the_alias(mirror, published):
    assert "Initial snapshot" in mirror.run("snapshot", ALIAS)
    tree = mirror.storage / ALIAS
    assert (tree / ".cvmfspublished").read_bytes() == (
        published.storage / ".cvmfspublished").read_bytes()
    assert not (mirror.storage / NAME / ".cvmfspublished").exists()
    assert manifest_fields(tree)["N"] == NAME
    assert "no problems found" in mirror.run("check", "-i", ALIAS)
    assert f"not enabled for {ALIAS}" in mirror.run("gc", "-f", ALIAS, code=1)
    assert f"Repository name: {NAME}" in mirror.run("info", ALIAS)
    assert mirror.run("list").splitlines() == [
        f"{ALIAS} (stratum1 / local) -> {NAME}", f"{NAME} (stratum1 / local)"]
    rows = json.loads(mirror.run("status", "--json"))["repositories"]
    assert [(row["name"], row["fqrn"], row["revision"] if "revision" in row else None)
            for row in rows] == [(ALIAS, NAME, 1), (NAME, NAME, None)]
    mirror.run("rmfs", "-f", ALIAS)
    assert not tree.exists() and not (mirror.spool / ALIAS).exists()
    assert (mirror.storage / NAME / "data").is_dir()


def test_snapshots_of_all_log_both_names(mirror):
    mirror.run("snapshot", "-a")
    text = (mirror.log / "snapshots.log").read_text()
    for name in (ALIAS, NAME):
        assert f"Starting {name} at " in text and f"Finished {name} at " in text
    assert (mirror.storage / NAME / ".cvmfspublished").read_bytes() == (
        mirror.storage / ALIAS / ".cvmfspublished").read_bytes()


def test_it_is_served_under_the_alias_with_its_real_name_inside(mirror, published):
    mirror.run("snapshot", ALIAS)
    httpd = Httpd(mirror.folder / "httpd", f"Replica {mirror.confdir}").start()
    try:
        manifest = (published.storage / ".cvmfspublished").read_bytes()
        assert f"\nN{NAME}\n".encode() in manifest
        assert_served(httpd.fetch(f"/cvmfs/{ALIAS}/.cvmfspublished"), manifest,
                      "application/x-cvmfs", 61)
        root = object_path(manifest_fields(published.storage)["C"], "C")
        assert httpd.fetch(f"/cvmfs/{ALIAS}/{root}").status == 200
        assert httpd.fetch(f"/cvmfs/{NAME}/.cvmfspublished").status == 404
        for name in (ALIAS, NAME):
            api = httpd.fetch(f"/cvmfs/{name}/api/v1.0/geo/_namelookups_/")
            assert (api.status, api.body) == (200, b"0\n")
        replicas = json.loads(httpd.fetch("/cvmfs/info/v1/repositories.json").body)["replicas"]
        assert replicas == [{"name": NAME, "alias": ALIAS, "url": f"/cvmfs/{ALIAS}"},
                            {"name": NAME, "url": f"/cvmfs/{NAME}"}]
    finally:
        httpd.stop()


def test_the_daemon_names_the_alias(folder):
    fleet = Fleet(folder)
    fleet.add("a")
    fleet.add_aliases("a", [1])
    daemon = Snapshotd(fleet)
    try:
        daemon.start()
        daemon.wait_for_runs("a")
        wait_until(lambda: "snapshot repository=a1.example.org result=ok" in daemon.text(),
                   "the alias has its run")
        assert set(daemon.status()["replicas"]) == {"a.example.net", "a1.example.org"}
        assert daemon.stop() == 0
    finally:
        daemon.close()
        fleet.origin.close()
