# SPDX-License-Identifier: Apache-2.0
"""Chained replication: Stratum 0, a replica served by mod_replica, and a replica of that."""

import random

import pytest

from closure import Closure, manifest_fields
from origin import Origin
from replica import Published, Replica
from servers import Httpd
from sources import change, fill

FQRN = "sw.example.net"


class Chain:
    """Revisions of a repository go from .zero to .near, which httpd serves, to .far, which
    names both."""

    def __init__(self, folder):
        self.random = random.Random(7)
        self.source = fill(folder / "source", self.random)
        self.published = Published(folder / "origin", FQRN)
        self.published.key.chmod(0o644)
        self.zero = Origin({FQRN: self.published.storage}, random.Random(1))
        self.near = Replica(folder / "near", FQRN, self.zero.url(FQRN), self.published.key)
        self.httpd = Httpd(folder / "httpd", f"Replica {self.near.confdir}")
        self.near_url = f"http://127.0.0.1:{self.httpd.port}/cvmfs/{FQRN}"
        self.far = Replica(folder / "far", FQRN, self.near_url, self.published.key,
                           REPLICA_UPSTREAMS=self.zero.url(FQRN))
        self.publish()

    def publish(self):
        (self.source / f"new{self.random.randrange(10**9)}").write_bytes(
            self.random.randbytes(3000))
        self.published.publish(self.source)

    def allow(self):
        (self.near.storage / ".cvmfs_master_replica").touch()

    def assert_far_has(self, storage):
        assert self.far.manifest() == (storage / ".cvmfspublished").read_bytes()
        expected = Closure(storage).objects
        assert self.far.closure().objects == expected
        for path in expected:
            assert (self.far.storage / path).read_bytes() == (storage / path).read_bytes()
        assert self.far.leftovers() == []

    def objects_of_zero(self):
        return [path for path in self.zero.paths() if path.startswith("data/")]


@pytest.fixture
def chain(folder):
    chain = Chain(folder)
    chain.near.snapshot().assert_ok()
    chain.httpd.start()
    chain.zero.heal()
    yield chain
    chain.httpd.stop()
    chain.zero.close()


def test_a_replica_of_a_replica_needs_its_leave(folder, chain):
    """Row H10: add-replica and snapshot of others go by the marker."""
    only = Replica(folder / "only", FQRN, chain.near_url, chain.published.key)
    only.snapshot().assert_failed("not a server for replication")
    assert only.manifest() is None
    chain.allow()
    only.snapshot().assert_ok()
    assert only.closure().objects == Closure(chain.published.storage).objects


def test_one_without_leave_is_passed_over(chain):
    run = chain.far.snapshot().assert_ok()
    assert "is not used" in run.output
    chain.assert_far_has(chain.published.storage)


def test_the_near_one_gives_everything(chain):
    chain.allow()
    chain.far.snapshot().assert_ok()
    chain.assert_far_has(chain.published.storage)
    assert chain.objects_of_zero() == []


def test_the_near_one_is_stale(chain):
    chain.allow()
    chain.far.snapshot().assert_ok()
    change(chain.source, random.Random(8))
    chain.publish()
    run = chain.far.snapshot().assert_ok()
    assert f"comes from {chain.zero.url(FQRN)}" in run.output
    chain.assert_far_has(chain.published.storage)
    assert chain.near.manifest() != chain.far.manifest()


def test_the_stratum_0_is_down(chain):
    chain.allow()
    chain.zero.close()
    run = chain.far.snapshot().assert_ok()
    assert run.output.count("Warning") == 1
    chain.assert_far_has(chain.near.storage)


def test_the_near_one_is_stale_and_the_stratum_0_down(chain):
    """What is served is newer than all that can be had: nothing changes, and it is said."""
    chain.far.snapshot().assert_ok()
    chain.allow()
    chain.publish()
    chain.far.snapshot().assert_ok()
    chain.zero.close()
    before = chain.far.manifest()
    chain.far.snapshot().assert_failed(str(chain.zero.port), "older than revision")
    assert chain.far.manifest() == before
    assert manifest_fields(chain.far.storage)["S"] == "3"


def test_the_near_one_is_down(chain):
    chain.allow()
    chain.far.snapshot().assert_ok()
    chain.httpd.stop()
    chain.publish()
    run = chain.far.snapshot().assert_ok()
    assert run.output.count("Warning") == 1
    chain.assert_far_has(chain.published.storage)


def test_the_near_one_collects_garbage_in_between(chain):
    """What it no longer has comes from the Stratum 0."""
    chain.allow()
    missing = sorted(path for path in Closure(chain.near.storage).objects
                     if path[-1].islower())[::3]
    for path in missing:
        (chain.near.storage / path).unlink()
    chain.far.snapshot().assert_ok()
    chain.assert_far_has(chain.published.storage)
    assert sorted(chain.objects_of_zero()) == missing
