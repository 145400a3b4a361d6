# SPDX-License-Identifier: Apache-2.0
"""Ten thousand names cost a server little, however many children it has."""

import pathlib

from dns import NameServer
from geo import add_geo, ask, lookups
from mmdb import CERN
from servers import SANITIZED

NAMES, PER_QUESTION = 10000, 20
LIMIT = 4 << 20


def resident_bytes(httpd):
    """Of all its processes; what they share counts once."""
    total = 0
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            session = int(path.read_text().rpartition(")")[2].split()[3])
            if session == httpd.process.pid:
                rollup = (path.parent / "smaps_rollup").read_text()
                total += 1024 * int(rollup.split("\nPss:")[1].split()[0])
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total


def ask_for(httpd, prefix, count):
    for first in range(0, count, PER_QUESTION):
        names = ",".join(f"{prefix}{number}.example.net"
                         for number in range(first, first + PER_QUESTION))
        assert ask(httpd, f"{CERN},{names}").status == 200


def test_ten_thousand_names(tree, start_httpd):
    server = NameServer()
    try:
        add_geo(tree, None, REPLICA_GEO_NAMESERVERS=server.setting, REPLICA_GEO_TIMEOUT=60)
        httpd = start_httpd("StartServers 4\nMaxSpareThreads 64\n")
        # Every child has done whatever it does once.
        ask_for(httpd, "first", 2000)
        before, asked = resident_bytes(httpd), lookups(httpd)
        ask_for(httpd, "name", NAMES)
        assert lookups(httpd) - asked == NAMES
        grown = resident_bytes(httpd) - before
        print(f"{NAMES} names: {grown / 1024:.0f} KiB")
        # Sanitizers keep freed memory.
        assert SANITIZED or grown < LIMIT
    finally:
        server.close()
