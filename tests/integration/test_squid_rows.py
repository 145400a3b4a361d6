# SPDX-License-Identifier: Apache-2.0
"""Squid in front of an origin: the first deployment's file, many who ask at once, what is kept of
failures."""

import pytest

from servers import wait_until
from squid_site import Site

DATA = "/cvmfs/sw.example.net/data/ab/" + "0" * 38
GEO = "/cvmfs/sw.example.net/api/v1.0/geo/proxy.example.net/a,b"
CLIENTS = 64
LOG = """
logformat replica %ru %>Hs %Ss
access_log stdio:/var/log/squid/access.log replica
"""
API_ONLY = "acl CVMFSAPI urlpath_regex ^/cvmfs/[^/]*/api/\ncache deny !CVMFSAPI\n"


@pytest.fixture
def open_site():
    """Sites that are closed at the end."""
    opened = []

    def open_one(*arguments):
        opened.append(Site(*arguments))
        return opened[-1]

    yield open_one
    for site in opened:
        site.close()


def log_of(site, path):
    """What Squid says of each request for PATH."""
    lines = site.log_lines()
    return [line[2] for line in lines if line[0].endswith(path)]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind, rules", [
    # Its file as it is; and its rule of what is kept in a proxy of a site.
    ("first deployment", ""), ("forward", API_ONLY + "http_access allow all\n")])
def test_the_first_deployment_s_file_works_as_it_is(open_site, kind, rules, workers):
    site = open_site(kind, workers, [], rules + LOG, {})
    assert site.squid.parse() == []
    for _ in range(4):
        assert site.ask(DATA) == (200, False, b"yes")
    assert site.origin.count(DATA) == 4
    answers = [site.ask(GEO) for _ in range(4)]
    assert {status for status, _, _ in answers} == {200}
    assert site.origin.count(GEO) <= workers
    wait_until(lambda: len(log_of(site, GEO)) == 4 and len(log_of(site, DATA)) == 4, "all is logged")
    assert set(log_of(site, DATA)) == {"TCP_MISS"}
    assert log_of(site, GEO).count("TCP_MEM_HIT") >= 4 - workers


def ask_together(site, path):
    """The answers of CLIENTS that ask for PATH; the origin answers when all have asked."""
    answers, connections = [], [site.connect() for _ in range(CLIENTS)]
    site.origin.gate.clear()
    for connection in connections:
        connection.request("GET", site.url(path))
    site.origin.gate.set()
    for connection in connections:
        answer = connection.getresponse()
        answers.append((answer.status, answer.read()))
        connection.close()
    return answers


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["accelerator", "forward"])
def test_many_who_ask_at_once_are_one_for_the_origin(open_site, kind, workers):
    site = open_site(kind, workers, [],
                     API_ONLY + "http_access allow all\ncollapsed_forwarding on\n" + LOG, {})
    assert ask_together(site, GEO) == [(200, b"yes")] * CLIENTS
    assert 1 <= site.origin.count(GEO) <= workers


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["accelerator", "forward"])
def test_failures_are_kept_only_where_that_is_asked_for(open_site, kind, workers):
    bad, missing = GEO + "?bad", DATA + "C"
    for text, is_kept in [("", False), ("negative_ttl 60 seconds\n" + API_ONLY, True)]:
        site = open_site(kind, workers, [], "http_access allow all\n" + text + LOG, {})
        site.origin.statuses = {bad: 400, missing: 404}
        assert [site.ask(bad)[0] for _ in range(4)] == [400] * 4
        assert [site.ask(missing)[0] for _ in range(4)] == [404] * 4
        assert site.origin.count(missing) == 4
        assert site.origin.count(bad) == 4 if not is_kept else site.origin.count(bad) <= workers
