# SPDX-License-Identifier: Apache-2.0
"""What Squid does with a helper's replies: rows of the protocol that our helpers build on."""

import os
import re
import select
import signal
import urllib.parse

import pytest

from servers import TOP, wait_until
from squid_site import ALL_KINDS, CLIENTS, Load, Site

RULES = 'deny "a \\"b\\" \\\\ c" suffix X note "odd=\\"q\\" \\\\ %41 é"\ndefault allow no-cache\n'
CONFIGURATION = """
external_acl_type replica_policy ttl=0 negative_ttl=0 concurrency=50 children-max=1 \\
    children-startup=1 %>a %>rm %>ru %>lp {folder}/relay {folder}/notes \\
    {folder}/replica-policy --concurrency --file {folder}/rules
acl policy external replica_policy
http_access deny !policy
http_access allow all
logformat policy %ru %>Hs "%#{{message}}note" "%#{{odd_}}note"
access_log stdio:/var/log/squid/access.log policy
"""
RELAY = (TOP / "tests" / "integration" / "helper_relay.py").read_text()


@pytest.fixture(scope="module", params=ALL_KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def site(request):
    site = Site(*request.param, ["replica-policy"], CONFIGURATION,
                {"rules": RULES, "relay": RELAY}, folders=["notes"])
    yield site
    site.close()


def path_of(number, suffix=""):
    return f"/cvmfs/sw.example.net/data/ab/{number:038x}{suffix}"


def queries(site):
    """The queries of each relay, without their channels, and the channels."""
    found = {}
    for path in (site.folder / "notes").iterdir():
        lines = [line.split(" ", 1) for line in path.read_text().splitlines()]
        found[path.name] = [(int(channel), query) for channel, query in lines]
    return found


def asked(site, part):
    return sum(part in query for lines in queries(site).values() for _, query in lines)


def test_channels_count_up_and_replies_come_in_any_order(site):
    with Load(site, path_of) as load:
        load.wait(200)
    assert load.failures == []
    for lines in queries(site).values():
        # A helper of a worker of Squid's without clients has not been asked.
        channels = [channel for channel, _ in lines]
        assert channels == list(range(min(channels, default=0), max(channels, default=-1) + 1))


def test_what_cannot_be_answered_is_asked_three_times(site):
    before = site.helpers()
    (site.folder / "rules").rename(site.folder / "away")
    for worker in before.values():
        os.kill(worker, signal.SIGKILL)
    try:
        wait_until(lambda: site.ask(path_of(10**9 + 7))[0] == 403, "there are no rules")
        assert site.ask(path_of(10**9 + 8))[0] == 403
        assert asked(site, path_of(10**9 + 8)) == 3
    finally:
        (site.folder / "away").rename(site.folder / "rules")
    wait_until(lambda: all(site.ask(path_of(10**9 + 9))[0] == 200 for _ in range(6)), "rules are back")


def test_quotes_and_escapes_arrive_as_they_are(site):
    path = path_of(10**9 + 11, "X")
    assert site.ask(path)[0] == 403
    log = site.squid.folder / "access.log"
    wait_until(lambda: path in log.read_text(), "it is logged")
    line = next(line for line in log.read_text().splitlines() if path in line)
    noted = [urllib.parse.unquote(text) for text in re.findall('"([^"]*)"', line)]
    assert noted == ['a "b" \\ c', '"q" \\ %41 é']


def serves(site, path):
    """Squid that reads its configuration anew does not listen for a moment."""
    try:
        return site.ask(path)[0] == 200
    except ConnectionError:
        return False


def test_a_reply_to_nobody_holds_up_one_request_alone(site):
    """For ever: Squid has no time limit here, so a helper has to answer each query."""
    connection = site.connect()
    connection.request("GET", site.url("/cvmfs/sw.example.net/data/wrong-id"))
    wait_until(lambda: asked(site, "wrong-id") > 0, "it is asked")
    with Load(site, path_of) as load:
        load.wait(200)
    assert load.failures == []
    site.squid.reconfigure()
    wait_until(lambda: serves(site, path_of(10**9 + 12)), "it is served again")
    assert select.select([connection.sock], [], [], 0)[0] == [], "nothing has come"
    assert asked(site, "wrong-id") == 1
    connection.close()


def test_a_helper_killed_whole_is_started_again(site):
    """Squid asks a new one; what the old one had not answered may be denied."""
    with Load(site, path_of) as load:
        before = site.helpers()
        for parent in before:
            os.kill(parent, signal.SIGKILL)
        wait_until(lambda: set(site.helpers()).isdisjoint(before), "the old ones are gone")
        load.wait(200)
    assert len(load.failures) <= CLIENTS * len(before)
    assert {status for status, _ in load.failures} <= {403}
    assert site.squid.process.poll() is None


def test_at_the_end_of_squid_helpers_end_and_all_is_answered(site):
    """The last one: it stops Squid under load."""
    with Load(site, path_of) as load:
        site.squid.stop()
        wait_until(lambda: not site.helpers(), "no helper is left")
        load.ends = True
    # Its own page while it ends, or what a lookup ends with that nobody waits for.
    assert {failure[0] for failure in load.failures} <= {403, 503}, load.failures
