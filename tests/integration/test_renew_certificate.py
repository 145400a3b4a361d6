# SPDX-License-Identifier: Apache-2.0
"""replicactl renew-certificate: nobody who follows the repository ever refuses it."""

import os
import random
import stat
import threading

import pytest

from cli import OWNER, owner_of
from closure import Closure, manifest_fields
from origin import Origin
from replica import Replica

NAME = "own.example.net"
ENDINGS = ("masterkey", "key", "pub", "crt")


@pytest.fixture
def made(site):
    site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", NAME)
    return site


def keys(site):
    return {ending: (site.confdir / "keys" / f"{NAME}.{ending}").read_bytes()
            for ending in ENDINGS}


def listed(site):
    """Fingerprints on the whitelist."""
    lines = (site.storage / NAME / ".cvmfswhitelist").read_bytes().split(b"\n")
    return lines[3:lines.index(b"--")]


def head(site):
    return manifest_fields(site.storage / NAME)


def leftovers(site):
    return sorted(path.name for path in (site.confdir / "keys").glob("*.new"))


@pytest.mark.parametrize("arguments, changed", [((), {"key", "crt"}), (("-k",), {"crt"})])
def test_changes_certificate_and_key(made, arguments, changed):
    before, old, first = keys(made), head(made), listed(made)
    output = made.run("renew-certificate", *arguments, NAME)
    assert "lists the old and the new certificate" in output
    after, new = keys(made), head(made)
    assert {ending for ending in ENDINGS if before[ending] != after[ending]} == changed
    assert new["X"] != old["X"]
    assert {field: new.get(field) for field in "CRSNBDH"} == {
        field: old.get(field) for field in "CRSNBDH"}
    assert len(listed(made)) == 2 and listed(made)[0] == first[0]
    for ending, mode in (("key", 0o400), ("crt", 0o444)):
        path = made.confdir / "keys" / f"{NAME}.{ending}"
        assert owner_of(path) == OWNER and stat.S_IMODE(path.stat().st_mode) == mode
    assert not leftovers(made)
    Closure(made.storage / NAME)
    made.run("resign", "--drop-others", NAME)
    assert len(listed(made)) == 1 and listed(made) != first


def test_a_replica_that_follows_never_refuses(made, folder):
    origin = Origin({NAME: made.storage / NAME}, random.Random(1))
    replica = Replica(folder / "replica", NAME, origin.url(NAME),
                      made.confdir / "keys" / f"{NAME}.pub")
    replica.snapshot().assert_ok()
    done, failures, certificates = threading.Event(), [], set()

    def follow():
        while not done.is_set():
            run = replica.snapshot()
            certificates.add(manifest_fields(replica.storage)["X"])
            if run.code != 0:
                failures.append(run.output)

    follower = threading.Thread(target=follow)
    follower.start()
    try:
        for _ in range(3):
            made.run("renew-certificate", NAME)
    finally:
        done.set()
        follower.join()
    try:
        replica.snapshot().assert_ok()
        made.run("resign", "--drop-others", NAME)
        replica.snapshot().assert_ok()
    finally:
        origin.close()
    assert not failures
    assert manifest_fields(replica.storage)["X"] == head(made)["X"]


def test_a_run_that_was_cut_off_is_ended_by_the_next(made):
    """Between the two renames the key is new and the certificate old."""
    folder, before = made.confdir / "keys", keys(made)
    made.run("renew-certificate", NAME)
    after = keys(made)
    for name, content, mode in ((f"{NAME}.crt", before["crt"], 0o444),
                                (f"{NAME}.crt.new", after["crt"], 0o444)):
        (folder / name).unlink(missing_ok=True)
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)
    assert "renew-certificate" in made.run("resign", NAME, code=1)
    made.run("renew-certificate", NAME)
    assert keys(made) == after
    assert not leftovers(made)
    made.run("resign", "-p", NAME)


def test_what_an_earlier_run_left_behind_is_replaced(made):
    for ending in ("key.new", "crt.new"):
        (made.confdir / "keys" / f"{NAME}.{ending}").write_text("half")
    made.run("renew-certificate", NAME)
    assert not leftovers(made)


def test_without_the_master_key_nothing_changes(made):
    master = made.confdir / "keys" / f"{NAME}.masterkey"
    content = master.read_bytes()
    before, old = {e: k for e, k in keys(made).items() if e != "masterkey"}, head(made)
    master.unlink()
    assert f"{NAME}.masterkey" in made.run("renew-certificate", NAME, code=1)
    master.write_bytes(content)
    assert {e: k for e, k in keys(made).items() if e != "masterkey"} == before
    assert head(made) == old and len(listed(made)) == 1


def test_usage(made):
    made.run("renew-certificate", "-x", NAME, code=3)
    made.run("renew-certificate", "nowhere.example.net", code=1)
    assert os.path.exists(made.storage / NAME)


def test_the_master_key_may_be_elsewhere_from_the_start(site, folder, monkeypatch):
    site.run("mkfs", "-o", OWNER, NAME)
    master = (site.confdir / "keys" / f"{NAME}.masterkey").read_text()
    other = "two.example.net"
    monkeypatch.setenv("REPLICA_MASTER_KEY", master)
    site.run("mkfs", "-o", OWNER, other)
    assert not (site.confdir / "keys" / f"{other}.masterkey").exists()
    pub = (site.confdir / "keys" / f"{other}.pub").read_bytes()
    assert pub == (site.confdir / "keys" / f"{NAME}.pub").read_bytes()
    site.run("resign", other)
    monkeypatch.delenv("REPLICA_MASTER_KEY")
    assert f"{other}.masterkey" in site.run("resign", other, code=1)
