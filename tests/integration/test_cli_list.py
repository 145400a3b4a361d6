# SPDX-License-Identifier: Apache-2.0
"""replicactl list and info, the program's other names, and verbs that are not there."""

import os

import pytest

from cli import OWNER
from replica import REPLICACTL

NAME = "sw.example.net"
OWN = "own.example.net"


@pytest.fixture
def replica(site, origin, published):
    site.run("add-replica", "-o", OWNER, origin.url(NAME), published.key)
    return site


def test_list_prints_a_line_for_each(replica, origin, published):
    replica.run("add-replica", "-o", OWNER, "-n", "a.example.net", origin.url(NAME),
                published.key)
    replica.run("mkfs", "-o", OWNER, OWN)
    assert replica.run("list").splitlines() == [
        f"a.example.net (stratum1 / local) -> {NAME}", f"{OWN} (stratum0 / local)",
        f"{NAME} (stratum1 / local)"]


def test_list_of_nothing(site):
    assert site.run("list") == ""


def test_list_shows_what_is_wrong(replica):
    replica.run("mkfs", "-o", OWNER, OWN)
    (replica.storage / OWN / ".cvmfswhitelist").unlink()
    (replica.spool / OWN / "in_transaction").mkdir()
    path = replica.configuration(NAME)
    path.write_text(path.read_text().replace("VERSION=143", "VERSION=2.1.6")
                    .replace("STORAGE=local", "STORAGE=S3"))
    output = replica.run("list")
    assert f"{OWN} (stratum0 / local - in transaction - whitelist unreachable)\n" in output
    assert (f"{NAME} (stratum1 / S3 - bad configuration) (created with INCOMPATIBLE layout "
            "revision 2.1.6)\n") in output
    assert "storage of type 'S3' is not supported" in output


def test_info_of_a_replica(replica, origin, published):
    output = replica.run("info")
    for line in (f"Repository name: {NAME}", "Created by CernVM-FS 143", "Type: stratum1",
                 "Nothing is published yet", "Last snapshot: never",
                 "There is no whitelist", f"Origin: {origin.url(NAME)}",
                 "Origin's revision: 1", "Stratum1 replication allowed: no"):
        assert line + "\n" in output
    replica.run("snapshot", NAME)
    output = replica.run("info", NAME)
    assert "Revision: 1\n" in output
    assert "Whitelist is valid for another 29 days\n" in output
    assert "Last snapshot: never" not in output
    assert f"CVMFS_SERVER_URL=http://localhost/cvmfs/{NAME}\n" in output
    assert f"CVMFS_PUBLIC_KEY={published.key}\n" in output
    origin.close()
    assert "Origin's revision: not known: " in replica.run("info", NAME)


def test_cvmfs_3670_info_of_a_replica_with_several_keys(replica, published):
    path = replica.configuration(NAME, "replica.conf")
    keys = f"{published.key}:{published.key}"
    path.write_text(path.read_text().replace(str(published.key), keys))
    output = replica.run("info", NAME)
    assert f"CVMFS_PUBLIC_KEY={keys}\n" in output
    assert output.endswith(f"  {published.key}\n  {published.key}\n")
    path.write_text(path.read_text().replace(keys, str(published.key.parent)))
    assert f"CVMFS_KEYS_DIR={published.key.parent}\n" in replica.run("info", NAME)


def test_info_of_other_kinds(site, origin, published):
    site.run("mkfs", "-o", OWNER, OWN)
    output = site.run("info", OWN)
    assert "Stratum1 replication allowed: yes\n" in output
    assert "Type: stratum0\n" in output
    assert "Last snapshot" not in output
    site.run("add-replica", "-P", "-o", OWNER, origin.url(NAME))
    assert f"Pass-through from: {origin.url(NAME)}\n" in site.run("info", NAME)
    assert "Please provide a repository name" in site.run("info", code=3)
    assert "Too many arguments" in site.run("info", OWN, NAME, code=3)
    assert "does not exist" in site.run("info", "none.such", code=1)


def test_the_other_name_does_the_same(replica):
    link = replica.folder / "cvmfs_server"
    os.symlink(REPLICACTL, link)
    assert replica.run("list", program=link) == replica.run("list")
    assert "'cvmfs_server help snapshot'" in replica.run("snapshot", "-x", program=link, code=3)
    assert "Usage: cvmfs_server VERB" in replica.run(program=link, code=2)


@pytest.mark.parametrize("verb", ["transaction", "publish", "tag", "resign", "update-repoinfo"])
def test_publishing_verbs_on_a_replica(replica, verb):
    assert f"{NAME} is not a stratum 0 repository" in replica.run(verb, NAME, code=1)


def test_verbs_that_are_not_there(replica):
    assert "the verb migrate is not in this version" in replica.run("migrate", NAME, code=1)
    for verb in ("publish", "transaction", "abort"):
        assert "there are no transactions" in replica.run(verb, code=1)
    assert replica.run("mount", NAME) == ""
    assert "Unrecognized command: frobnicate" in replica.run("frobnicate", code=3)


def test_help(site):
    assert "Usage: replicactl VERB" in site.run("help")
    assert "--from DIRECTORY NAME" in site.run("help", "ingest")
    assert site.run("--version").startswith("replica ")


def test_a_bad_server_file_stops_every_verb(site):
    site.set(REPLICA_SNAPSHOT_INTERVAL="soon")
    output = site.run("list", code=1)
    assert f"{site.confdir}/replica.local:" in output
    assert "REPLICA_SNAPSHOT_INTERVAL" in output
