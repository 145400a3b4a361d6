# SPDX-License-Identifier: Apache-2.0
"""What a person sees while a snapshot runs: a moving line on a terminal, plain lines in a log."""

import os
import pty
import random
import re

import pytest

from origin import Origin
from replica import Published, Replica
from sources import fill

FQRN = "sw.example.net"
MOVING = re.compile(rb"\r\x1b\[K(\d+) objects, [\d.]+ \w+, [\d.]+ \w+/s, "
                    rb"catalogs (\d+) of (\d+), (estimating|about \d+ s left)")


@pytest.fixture
def slow_replica(folder):
    """A replica that takes about two seconds, because of its bandwidth cap."""
    published = Published(folder / "origin", FQRN, "compression=none")
    published.publish(fill(folder / "source", random.Random(7), large=500_000))
    origin = Origin({FQRN: published.storage}, random.Random(1))
    yield Replica(folder / "replica", FQRN, origin.url(FQRN), published.key,
                  REPLICA_ORIGIN_BANDWIDTH="250K")
    origin.close()


def read_terminal(descriptor):
    output = b""
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # the other side is closed
            return output
        if not part:
            return output
        output += part


def test_a_terminal_gets_a_line_that_moves(slow_replica):
    master, slave = pty.openpty()
    process = slow_replica.begin(stdout=slave)
    os.close(slave)
    output = read_terminal(master)
    os.close(master)
    assert process.wait() == 0, output
    shown = MOVING.findall(output)
    assert shown, output
    objects = [int(line[0]) for line in shown]
    assert objects == sorted(objects)
    assert output.rstrip().endswith(b"processed chunks")
    # The line is taken away before the next one is printed.
    assert b"left" not in output.rsplit(b"\x1b[K", 1)[1]


def test_a_log_gets_plain_lines(slow_replica):
    run = slow_replica.snapshot().assert_ok()
    assert "\r" not in run.output and "\x1b" not in run.output
    assert run.output.splitlines()[-2] == "Serving revision 2"
