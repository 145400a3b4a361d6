# SPDX-License-Identifier: Apache-2.0
"""replicactl rmfs: everything of a repository goes, and nothing else."""

import fcntl
import json
import os

import pytest

from cli import OWNER

NAME = "sw.example.net"


@pytest.fixture
def replica(site, origin, published):
    site.run("add-replica", "-o", OWNER, origin.url(NAME), published.key)
    site.run("snapshot", NAME)
    return site


def leftovers(site):
    """What names the repository, but for the logs."""
    return [path for path in site.tree() if NAME in path]


def test_removes_all_of_it(replica):
    output = replica.run("rmfs", "-f", NAME)
    for line in ("Removing Spool Area... done", "Removing Configuration... done",
                 "Removing Repository Storage... done",
                 "Updating global JSON information... done",
                 f"CernVM-FS repository {NAME} wiped out!"):
        assert line in output
    assert leftovers(replica) == []
    info = json.loads((replica.storage / "info/v1/repositories.json").read_text())
    assert info["replicas"] == []


def test_keeps_the_data_on_request(replica):
    replica.run("rmfs", "-f", "-p", NAME)
    assert (replica.storage / NAME / ".cvmfspublished").exists()
    assert not (replica.spool / NAME).exists()
    assert not replica.configuration(NAME).parent.exists()


@pytest.mark.parametrize("answer, gone", [("y\n", True), ("Y\n", True), ("n\n", False),
                                          ("\n", False), ("yes\n", False)])
def test_asks_first(replica, answer, gone):
    output = replica.run("rmfs", NAME, stdin=answer)
    assert f"You are about to WIPE OUT THE CERNVM-FS REPOSITORY {NAME}" in output
    assert "Are you sure (y/N)? " in output
    assert replica.configuration(NAME).exists() != gone


def test_no_answer_is_no(replica):
    assert "-f does not ask" in replica.run("rmfs", NAME, code=1)
    assert replica.configuration(NAME).exists()


def test_several_and_unknown_names(replica, origin, published):
    replica.run("add-replica", "-o", OWNER, "-n", "two.example.net", origin.url(NAME),
                published.key)
    assert "The repository none.example.net does not exist." in replica.run(
        "rmfs", "-f", "none.example.net", code=1)
    assert "provide a repository name" in replica.run("rmfs", "-f", code=3)
    assert "Unrecognized option: -x" in replica.run("rmfs", "-x", NAME, code=3)
    replica.run("rmfs", "-f", "*.example.net")
    assert list((replica.confdir / "repositories.d").iterdir()) == []


@pytest.mark.parametrize("lock", ["is_updating.lock", "is_collecting.lock"])
def test_a_repository_at_work_is_left_alone(replica, lock):
    with open(replica.spool / NAME / lock, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert f"{NAME} is in use" in replica.run("rmfs", "-f", NAME, code=1)
    assert (replica.storage / NAME / ".cvmfspublished").exists()
    replica.run("rmfs", "-f", NAME)


def test_links_are_not_followed(replica, folder):
    outside = folder / "outside"
    outside.mkdir()
    (outside / "precious").write_text("keep")
    os.symlink(outside, replica.storage / NAME / "data/00/link")
    os.symlink(outside / "precious", replica.spool / NAME / "link")
    replica.run("rmfs", "-f", NAME)
    assert leftovers(replica) == []
    assert (outside / "precious").read_text() == "keep"


def test_a_linked_storage_costs_the_link_alone(replica, folder):
    (replica.storage / NAME).rename(folder / "disk")
    os.symlink(folder / "disk", replica.storage / NAME)
    replica.run("rmfs", "-f", NAME)
    assert not os.path.lexists(replica.storage / NAME)
    assert (folder / "disk/.cvmfspublished").exists()


@pytest.mark.parametrize("line", [
    "CVMFS_UPSTREAM_STORAGE=local,{storage}/data/txn,{storage}",
    "CVMFS_UPSTREAM_STORAGE=local,/x,/", "CVMFS_SPOOL_DIR={spool}", "CVMFS_SPOOL_DIR=/",
    "CVMFS_SPOOL_DIR={spool}//", "CVMFS_SPOOL_DIR={spool}/sw.example.net/.."])
def test_a_slip_in_the_configuration_costs_nothing(replica, line):
    with open(replica.configuration(NAME), "a", encoding="ascii") as file:
        file.write(line.format(storage=replica.storage, spool=replica.spool) + "\n")
    before = replica.tree()
    assert "is not removed" in replica.run("rmfs", "-f", NAME, code=1)
    assert replica.tree() == before


def test_a_tree_that_another_repository_shares_stays(replica, origin, published):
    storage = replica.storage / NAME
    replica.run("add-replica", "-o", OWNER, "-n", "two.example.net", "-u",
                f"local,{storage}/data/txn,{storage}", origin.url(NAME), published.key)
    assert "it shares" in replica.run("rmfs", "-f", "two.example.net", code=1)
    assert (storage / ".cvmfspublished").exists()


def test_a_repository_with_a_bad_configuration_can_go(replica):
    with open(replica.configuration(NAME, "replica.conf"), "a", encoding="ascii") as file:
        file.write("CVMFS_NUM_WORKERS=many\n")
    assert "CVMFS_NUM_WORKERS" in replica.run("rmfs", "-f", NAME)
    assert leftovers(replica) == []


def test_an_ordinary_user_cannot_remove_what_is_not_his(own_site, origin, published):
    own_site.run("add-replica", origin.url(NAME), published.key)
    with open(own_site.configuration(NAME), "a", encoding="ascii") as file:
        file.write("CVMFS_USER=daemon\n")
    own = own_site.user or OWNER
    if own != "root":
        assert f"Repository {NAME} is owned by daemon" in own_site.run("rmfs", "-f", NAME,
                                                                      code=1)
        assert (own_site.storage / NAME).exists()
