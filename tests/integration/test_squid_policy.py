# SPDX-License-Identifier: Apache-2.0
"""replica-policy under real Squid: what it denies, what it has kept, and that no client notices
when helpers end, hang or are replaced."""

import os
import random
import re
import signal
import socket
import subprocess

import pytest

from loops import count
from servers import BUILD, DEADLINE_SECONDS, wait_until
from squid_site import ALL_KINDS, CLIENTS, Load, Site, are_replaced

PROGRAM = BUILD / "squid-helpers" / "replica-policy"
OBJECT = "/cvmfs/{repository}/data/ab/{number:038x}{suffix}"

CONFIGURATION = """
external_acl_type replica_policy ttl=0 negative_ttl=0 concurrency=50 children-max=1 \\
    children-startup=1 %>a %>rm %>ru %>lp {folder}/replica-policy --concurrency --file {folder}/rules
acl policy external replica_policy
http_access deny !policy
http_access allow all
acl uncached note cache_ no
cache deny uncached
logformat policy %rm %ru %>Hs %Ss %{{line_}}note %{{kind_}}note %{{team_}}note
access_log stdio:/var/log/squid/access.log policy
"""
SEED = """
deny "only GET and HEAD" method !GET,HEAD
deny "not for you" client 127.0.9.0/24
allow cache kind geo
allow no-cache kind manifest,catalog,data repository sw.example.net,*.cern.ch note team=known
default deny "not \\"served\\" here"
"""


@pytest.fixture(scope="module", params=ALL_KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def site(request):
    site = Site(*request.param, ["replica-policy"], CONFIGURATION, {"rules": SEED})
    yield site
    site.close()


def path_of(number, repository="sw.example.net", suffix=""):
    return OBJECT.format(repository=repository, number=number, suffix=suffix)


def test_what_is_denied_and_why(site):
    allowed = path_of(1, "sw.example.net")
    assert site.ask(allowed)[0] == 200
    assert site.ask(path_of(1, "a.cern.ch"))[0] == 200
    assert site.ask(path_of(1, "unknown.example.net"))[0] == 403
    assert site.ask(allowed, method="PUT")[0] == 403
    assert site.ask(allowed, source="127.0.9.9")[0] == 403
    assert site.ask(allowed, port=8000)[0] == 200
    assert site.ask("/cvmfs/sw.example.net/.cvmfswhitelist")[0] == 403
    for path in ("/squid-internal-mgr/menu", "/", "/cvmfs/x/../../server-status"):
        assert site.ask(path)[0] == 403
    # The manager's own URLs, by the name and the port of this Squid.
    for port in site.squid.ports.values():
        assert site.ask(f"http://127.0.0.1:{port}/squid-internal-mgr/info")[0] == 403
        assert site.ask(f"cache_object://127.0.0.1:{port}/info")[0] in (400, 403)


def test_the_annotation_says_what_is_kept(site):
    geo, data = "/cvmfs/x/api/v1.0/geo/a/b", path_of(2)
    for _ in range(2 * site.workers):
        site.ask(geo)
        site.ask(data)
    # Workers do not share what they keep.
    assert site.origin.count(geo) <= site.workers
    assert site.origin.count(data) == 2 * site.workers
    wait_until(lambda: any(line[1].endswith(data) for line in site.log_lines()), "it is logged")
    line = next(line for line in site.log_lines() if line[1].endswith(data))
    assert line[4:] == ["rules:5", "data", "known"]


def check_failures(site, failures, ends):
    """Whatever the helper does, each worker of Squid 5.7 denies what it is just waiting for when
    it reconfigures, and gives up what it is just asking a cache_peer."""
    assert len(failures) <= CLIENTS * ends * site.workers, failures[:3]
    assert {status for status, _ in failures} <= ({403} if site.is_forward else {403, 502})


def test_workers_that_are_killed_are_not_noticed(site):
    with Load(site, path_of) as load:
        for _ in range(3):
            before = site.helpers()
            for worker in before.values():
                os.kill(worker, signal.SIGKILL)
            wait_until(lambda: are_replaced(site, before), "there are others, of the same helpers")
            load.wait(200)
    assert load.failures == []


def test_workers_that_stand_still_are_replaced(site):
    with Load(site, path_of) as load:
        before = site.helpers()
        for worker in before.values():
            os.kill(worker, signal.SIGSTOP)
        load.wait(300)
        # A worker of Squid's may have no clients, and its helper nothing to do.
        wait_until(lambda: set(before.values()) - set(site.helpers().values()),
                   "there is another")
        load.wait(100)
    assert load.failures == [], site.squid.log_text()[-3000:]


def test_reconfiguring_under_load_fails_nothing_and_leaves_nothing(site):
    with Load(site, path_of) as load:
        for _ in range(2):
            before = site.helpers()
            site.squid.reconfigure()
            load.wait(200)
            wait_until(lambda: set(site.helpers()).isdisjoint(before), "the old ones are gone")
    check_failures(site, load.failures, ends=2)


@pytest.mark.parametrize("path", ["/cvmfs/" + "a" * 8000, "/cvmfs/sw.example.net/%22%5c%0a x",
                                  "/cvmfs/%00/%zz", "/%ff%fe\xc3\xa4"],
                         ids=["long", "quotes", "escapes", "bytes"])
def test_odd_urls_have_an_answer(site, path):
    with socket.create_connection(("127.0.0.1", site.squid.ports[80])) as connection:
        connection.settimeout(DEADLINE_SECONDS)
        connection.sendall(f"GET {site.url(path)} HTTP/1.0\r\nHost: x\r\n\r\n".encode("latin-1"))
        assert connection.recv(100).split()[1] in (b"400", b"403", b"414")
    assert site.ask(path_of(5))[0] == 200


EXPLAINED = """
deny "no" method !GET,HEAD,POST
allow cache kind geo client 127.0.1.0/24
deny client 127.0.2.0/23 port 80
include more
allow no-cache kind catalog,manifest client !127.0.0.0/24
allow cache port 8000 suffix none
deny kind other host h*,127.0.0.? port 8000
default allow no-cache
"""
EXPLAINED_MORE = """
allow cache repository a*,*.org kind meta,data method GET
deny repository *.net suffix P
allow no-cache repository sw.example.net client 127.0.3.1,127.0.0.0/28
"""


def random_request(chance, number):
    repository = chance.choice(["a.b", "x.org", "sw.example.net", "s.net", "zz", "-"])
    path = chance.choice([
        "/cvmfs/{}/.cvmfspublished", "/cvmfs/{}/.cvmfswhitelist", "/cvmfs/{}/api/v1.0/geo/x/y,z",
        "/cvmfs/{}/data/ab/" + "0" * 38, "/cvmfs/{}/data/ab/" + "0" * 38 + "C",
        "/cvmfs/{}/data/ab/" + "0" * 38 + "P", "/cvmfs/info/v1/meta.json", "/robots.txt",
        "/other/{}", "/cvmfs/{}/%2e%2e/x", "/cvmfs/%73w.example.net/.cvmfspublished"])
    return (chance.choice(["GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE"]),
            f"{path.format(repository)}?{number}",
            chance.choice(["127.0.0.1", "127.0.1.1", "127.0.2.7", "127.0.3.1", "127.0.4.4"]),
            chance.choice([80, 8000]))


def test_explain_agrees_with_squid(site):
    chance = random.Random(20261120)
    site.write("more", EXPLAINED_MORE)
    site.write("rules", re.sub(r"port (\d+)", lambda match: f"port {site.squid.ports[int(match[1])]}",
                      EXPLAINED))
    wait_until(lambda: is_settled(site, "/robots.txt?0", 200), "the rules are in force")
    requests = [random_request(chance, number) for number in range(count("EXPLAINED_REQUESTS"))]
    connections, statuses = {}, []
    for method, path, source, port in requests:
        if (source, port) not in connections:
            connections[source, port] = site.connect(source, port)
        connection = connections[source, port]
        connection.request(method, site.url(path), headers={"Content-Length": "0"})
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    for connection in connections.values():
        connection.close()
    # As Squid passes URLs on in an accelerator, too: whole.
    host = f"127.0.0.1:{site.origin.server_port if site.is_forward else 80}"
    lines = [f"{method} http://{host}{path} {source} {site.squid.ports[port]}"
             for method, path, source, port in requests]
    explained = subprocess.run(
        [PROGRAM, "--explain", "-", "--file", site.folder / "rules"], input="\n".join(lines) + "\n",
        capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(explained) == len(requests)
    wait_until(lambda: logged(site).keys() >= set(range(len(requests))), "all is logged")
    decided = logged(site)
    for number, (request, status, line) in enumerate(zip(requests, statuses, explained)):
        place, verdict = line.split(": ")
        assert decided[number] == place.rpartition("/")[2], (request, line)
        assert (status == 403) == verdict.startswith("deny"), (request, line)
    assert len(set(decided.values())) > 8


def logged(site):
    """{number of the request: the rule that decided}"""
    return {int(match[1]): line[4] for line in site.log_lines()
            if (match := re.search(r"\?(\d+)$", line[1]))}


def is_settled(site, path, status):
    """Whether every worker of Squid's answers so."""
    return list(site.statuses(path).values()) == [status] * site.workers


def test_rules_that_are_wrong_change_nothing_and_mended_ones_do(site):
    path, complaint = path_of(3, "new.example.net"), "rules:2: a line begins with"
    site.write("rules", SEED)
    wait_until(lambda: is_settled(site, path, 403), "the rules are in force")
    site.write("rules", "allow\nnonsense\n")
    wait_until(lambda: is_settled(site, path_of(4), 200) and complaint in site.squid.log_text(),
               "it is complained about")
    assert is_settled(site, path, 403)
    site.write("rules", "default allow\n")
    wait_until(lambda: is_settled(site, path, 200), "the new rules are in force")
    before = site.squid.log_text().count("stay in force")
    (site.folder / "rules").unlink()
    wait_until(lambda: is_settled(site, path, 200)
               and site.squid.log_text().count("stay in force") > before, "they are missed")
    assert is_settled(site, path, 200)
