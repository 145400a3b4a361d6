# SPDX-License-Identifier: Apache-2.0
"""Long lines: how many transfers run at once is found out. What it takes is a bench's matter."""

import random
import re
import subprocess

import pytest

from closure import Closure
from replica import Published, Replica
from servers import BUILD, free_port, is_listening, wait_until
from sources import fill

FQRN = "sw.example.net"
FIRST = 8  # connections that a run begins with


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    repository = Published(folder / "origin", FQRN)
    repository.publish(fill(folder / "source", random.Random(7), packages=10, files=30))
    return repository


@pytest.fixture
def far_url(origin):
    """The origin a round trip of 150 ms away."""
    port = free_port()
    relay = subprocess.Popen([BUILD / "tests" / "bench" / "delay_relay", str(port),
                              str(origin.port), "150"], stdin=subprocess.PIPE)
    wait_until(lambda: is_listening(port), "the relay listens")
    yield f"http://127.0.0.1:{port}/cvmfs/{FQRN}"
    relay.stdin.close()
    relay.wait()


def at_once(run):
    return int(re.search(r"at most (\d+) at once", run.assert_ok().output).group(1))


def test_over_a_long_line_more_connections_are_opened(folder, published, far_url):
    replica = Replica(folder / "replica", FQRN, far_url, published.key)
    assert at_once(replica.snapshot()) > FIRST
    assert replica.objects() == Closure(published.storage).objects


def test_no_more_than_allowed(folder, published, origin):
    for settings, most in (({"REPLICA_ORIGIN_CONNECTIONS": 12}, 12),
                           ({"CVMFS_NUM_WORKERS": 3}, 3),
                           ({"CVMFS_NUM_WORKERS": 3, "REPLICA_ORIGIN_CONNECTIONS": 5}, 5)):
        replica = Replica(folder / f"replica{most}", FQRN, origin.url(FQRN), published.key,
                          **settings)
        assert at_once(replica.snapshot()) <= most


def test_the_default_that_the_reference_writes_does_not_count(folder, published, origin):
    replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key,
                      CVMFS_NUM_WORKERS=16)
    assert "Starting 64 workers" in replica.snapshot().assert_ok().output


def test_an_origin_that_asks_for_patience_gets_it(folder, published, origin):
    origin.fault(r"/data/", "status", 429, chance=0.05)
    replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key,
                      CVMFS_HTTP_RETRIES=30, CVMFS_HTTP_TIMEOUT=10)
    # Those that wait for their next try do not run.
    assert at_once(replica.snapshot()) <= 2 * FIRST
    assert replica.objects() == Closure(published.storage).objects
