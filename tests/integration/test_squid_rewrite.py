# SPDX-License-Identifier: Apache-2.0
"""replica-rewrite under real Squid: where requests go, where clients are sent, what is asked about,
and that no client notices when helpers end, hang or are replaced."""

import os
import random
import re
import signal
import subprocess
import time

import pytest

from loops import count
from servers import wait_until
from squid_site import ALL_KINDS, CLIENTS, Load, Site, are_replaced

# What replica-rewrite(8) has, for these tests: one helper, more time for it to be replaced on a
# machine that is slow, hosts and paths of theirs.
CONFIGURATION = """
url_rewrite_program {folder}/replica-rewrite --concurrency --file {folder}/lines
url_rewrite_children 1 startup=1 concurrency=500
url_rewrite_extras "%>a %>rm"
url_rewrite_bypass on
url_rewrite_timeout 8 seconds on_timeout=bypass
acl kept_paths urlpath_regex ^/kept/
acl denied_paths urlpath_regex ^/cvmfs/denied/
url_rewrite_access deny kept_paths
url_rewrite_access allow all
http_access deny denied_paths
http_access allow all
logformat rewrite %rm %>ru %>Hs %Ss %{{rewrite_}}note %ru
access_log stdio:/var/log/squid/access.log rewrite
"""
LINES = """
rewrite path /opt /cvmfs
rewrite path /kept /cvmfs/never
redirect path /gone /cvmfs/gone
redirect 301 path /gone1 /cvmfs/gone
redirect 303 path /gone3 /cvmfs/gone
redirect 307 path /gone7 /cvmfs/gone
redirect 308 path /gone8 /cvmfs/gone
rewrite repository alias.example.org sw.example.org
rewrite repository *.old.example.org sw.example.org
rewrite host retired.example.org 127.0.0.1:{port}
redirect 301 host www.retired.example.org new.example.org:8000
"""


@pytest.fixture(scope="module", params=ALL_KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def site(request):
    site = Site(*request.param, ["replica-rewrite"], CONFIGURATION, {"lines": "# none yet\n"})
    write_lines(site)
    yield site
    site.close()


def text_of_lines(site):
    return LINES.format(port=site.origin.server_port)


def write_lines(site, lines=None):
    site.write("lines", text_of_lines(site) if lines is None else lines)
    if lines is None:
        wait_until(lambda: is_settled(site, "/opt/settled", "/cvmfs/settled"), "they are in force")


def is_settled(site, path, expected):
    """Whether each worker of Squid's goes to EXPECTED for PATH; they do not share their cache."""
    def ask(connection):
        connection.request("GET", site.url(f"{path}/{time.monotonic_ns()}"))
        answer = connection.getresponse()
        answer.read()
        return answer.getheader("X-Cache"), site.origin.requests[-1][1]

    asked = site.ask_all(ask)
    return len(asked) == site.workers and all(found.startswith(expected)
                                              for found in asked.values())


def asked_for(site, path, headers=None):
    """The path that the origin was asked for when a client asks for PATH."""
    site.origin.requests.clear()
    assert site.ask(path, headers=headers)[0] == 200
    assert len(site.origin.requests) == 1, site.origin.requests
    return site.origin.requests[0][1]


def from_host(site, host, path):
    """Arguments of ask for a client that means HOST."""
    if site.is_forward:
        return {"path": f"http://{host}{path}"}
    return {"path": path, "headers": {"Host": host}}


def redirection(site, path, headers=None):
    connection = site.connect()
    try:
        connection.request("GET", site.url(path) if path.startswith("/") else path,
                           headers=headers or {})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.getheader("Location")
    finally:
        connection.close()


def test_old_paths_and_aliases_lead_to_the_origins(site):
    assert asked_for(site, "/opt/x/%41b%22?c=%2F&d") == "/cvmfs/x/%41b%22?c=%2F&d"
    assert asked_for(site, "/cvmfs/alias.example.org/1") == "/cvmfs/sw.example.org/1"
    assert asked_for(site, "/cvmfs/a.old.example.org/2") == "/cvmfs/sw.example.org/2"
    assert asked_for(site, "/opt/alias.example.org/3") == "/cvmfs/sw.example.org/3"
    assert asked_for(site, "/cvmfs/other.example.org/4") == "/cvmfs/other.example.org/4"
    assert asked_for(site, "/optional/5") == "/optional/5"


def test_all_names_are_one_in_the_cache(site):
    names = ["/opt/alias.example.org/6", "/cvmfs/sw.example.org/6", "/cvmfs/b.old.example.org/6"]
    site.origin.requests.clear()
    for name in names * 4:
        assert site.ask(name)[0] == 200
    # Workers do not share what they keep.
    assert len(site.origin.requests) <= site.workers


def test_a_retired_host_leads_to_the_one_that_is(site):
    site.origin.requests.clear()
    assert site.ask(**from_host(site, "retired.example.org:8000", "/cvmfs/x/7"))[0] == 200
    host, path = site.origin.requests[-1]
    assert (host, path) == (f"127.0.0.1:{site.origin.server_port}", "/cvmfs/x/7")
    assert redirection(site, **from_host(site, "www.retired.example.org", "/opt/8?x=y")) == (
        301, "http://new.example.org:8000/cvmfs/8?x=y")


@pytest.mark.parametrize("path, status", [("/gone", 302), ("/gone1", 301), ("/gone3", 303),
                                          ("/gone7", 307), ("/gone8", 308)])
def test_clients_are_sent_with_the_status_of_the_line(site, path, status):
    host = f"127.0.0.1:{site.origin.server_port}" if site.is_forward else "h.example.net"
    headers = {} if site.is_forward else {"Host": host}
    site.origin.requests.clear()
    assert redirection(site, f"{path}/a%20b?c", headers) == (
        status, f"http://{host}/cvmfs/gone/a%20b?c")
    assert site.origin.requests == []


def test_squid_asks_only_where_it_is_told_to(site):
    assert asked_for(site, "/kept/x") == "/kept/x"
    # http_access has looked at the client's URL.
    assert site.ask("/cvmfs/denied/x")[0] == 403
    assert asked_for(site, "/opt/denied/x") == "/cvmfs/denied/x"


def test_odd_urls_are_left_alone(site):
    for path in ("/opt//x", "/opt/a/%2e%2e/x", "/opt/%2fx", "/opt/%00", "/opt/a%5cx"):
        assert asked_for(site, path) == path


def test_the_log_names_the_lines(site):
    path = "/opt/alias.example.org/logged"
    site.ask(path)
    site.ask("/cvmfs/logged")
    wait_until(lambda: len([line for line in site.log_lines() if "logged" in line[1]]) == 2,
               "it is logged")
    notes = {line[1].partition("/cvmfs/logged")[1] or path: line[4] for line in site.log_lines()
             if "logged" in line[1]}
    assert notes == {path: "lines:2,lines:9", "/cvmfs/logged": "-"}


def path_of(test, number):
    """One that is not in the cache."""
    return f"/opt/alias.example.org/{test}{number}"


def changed(site):
    """Whether all that was asked for under its old name went to the new one."""
    return {path.rpartition("/")[0] for _, path in site.origin.requests}


def test_workers_that_are_killed_are_not_noticed(site):
    site.origin.requests.clear()
    with Load(site, lambda number: path_of("killed", number)) as load:
        for _ in range(3):
            before = site.helpers()
            for worker in before.values():
                os.kill(worker, signal.SIGKILL)
            wait_until(lambda: are_replaced(site, before), "there are others, of the same helpers")
            load.wait(200)
    assert load.failures == []
    assert changed(site) == {"/cvmfs/sw.example.org"}, "Squid asked again"


def test_workers_that_stand_still_are_replaced(site):
    site.origin.requests.clear()
    with Load(site, lambda number: path_of("still", number)) as load:
        before = site.helpers()
        for worker in before.values():
            os.kill(worker, signal.SIGSTOP)
        load.wait(300)
        # A worker of Squid's may have no clients, and its helper nothing to do.
        wait_until(lambda: set(before.values()) - set(site.helpers().values()),
                   "there is another")
        load.wait(100)
    assert load.failures == [], site.squid.log_text()[-3000:]
    assert changed(site) == {"/cvmfs/sw.example.org"}, "Squid asked again"


def test_a_worker_that_stands_still_is_replaced_before_squid_gives_up(site):
    for worker in site.helpers().values():
        os.kill(worker, signal.SIGSTOP)
    # After url_rewrite_timeout it would be as it was.
    assert asked_for(site, "/opt/after-a-second") == "/cvmfs/after-a-second"
    wait_until(lambda: is_settled(site, "/opt", "/cvmfs"), "all are replaced")


def test_helpers_that_stand_still_as_a_whole_change_nothing(site):
    """Then url_rewrite_timeout is what lets clients go on."""
    stopped = site.helpers()
    for pid in list(stopped) + list(stopped.values()):
        os.kill(pid, signal.SIGSTOP)
    try:
        assert asked_for(site, "/opt/as-it-is") == "/opt/as-it-is"
    finally:
        for pid in list(stopped.values()) + list(stopped):
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: is_settled(site, "/opt", "/cvmfs"), "they go on")


EXPLAINED = """
rewrite path /opt /cvmfs
redirect 303 path /opt/moved /srv
redirect 303 path /moved /srv
rewrite path /cvmfs/a/b /cvmfs/c
rewrite repository sw.* s.example.org
redirect 307 repository old? new.example.org
redirect 308 path /%61way /cvmfs
"""


def random_path(chance, number):
    start = chance.choice(["/opt", "/opt/moved", "/moved", "/optional", "/cvmfs", "/cvmfs/a/b",
                           "/away", "/%6fpt", "/srv"])
    name = chance.choice(["sw.x", "old1", "a/b", "alias", "%73w.x", "x/../y", "x//y", "x"])
    return f"{start}/{name}/n{number}" + chance.choice(["", "?x=/opt", "/.", "%2f", "%41", "/"])


def by_number(rows):
    """Rows whose second column is a random path, by its number."""
    return {int(match[1]): row for row in rows if (match := re.search(r"/n(\d+)", row[1]))}


def test_explain_agrees_with_squid(site):
    chance = random.Random(20261120)
    write_lines(site, EXPLAINED)
    wait_until(lambda: is_settled(site, "/cvmfs/a/b", "/cvmfs/c"), "they are in force")
    try:
        site.origin.requests.clear()
        numbers = range(count("EXPLAINED_REQUESTS"))
        for number in numbers:
            site.ask(random_path(chance, number))
        wait_until(lambda: len(by_number(site.log_lines())) == len(numbers), "all is logged")
        went, lines = by_number(site.origin.requests), by_number(site.log_lines())
    finally:
        write_lines(site)
    (site.folder / "explained").write_text(EXPLAINED)
    explained = subprocess.run(
        [site.folder / "replica-rewrite", "--explain", "-", "--file", site.folder / "explained"],
        input="".join(f"{lines[number][1]}\n" for number in numbers), capture_output=True, text=True,
        check=True).stdout.splitlines()
    for number, text in zip(numbers, explained, strict=True):
        _, url, status, _, note, _ = lines[number]
        verb, *words = text.rstrip(":").split(" ")
        assert (note == "-") == (verb == "unchanged:"), (url, text)
        assert status == (words[0] if verb == "redirect" else "200"), (url, text)
        if verb != "redirect":
            assert (url if note == "-" else words[0]).endswith(went[number][1]), (url, text)
    assert {text.split(" ")[0] for text in explained} == {"rewrite", "redirect", "unchanged:"}


def test_lines_that_are_wrong_change_nothing_and_mended_ones_do(site):
    write_lines(site)
    write_lines(site, "rewrite path /opt\n")
    wait_until(lambda: is_settled(site, "/opt", "/cvmfs")
               and "lines:1: it takes host, repository or path" in site.squid.log_text(),
               "it is complained about")
    assert is_settled(site, "/opt", "/cvmfs")
    write_lines(site, "rewrite path /opt /srv\n")
    wait_until(lambda: is_settled(site, "/opt", "/srv"), "the new lines are in force")
    write_lines(site)


def test_without_sound_lines_at_its_start_nothing_changes(site):
    write_lines(site, "rewrite path /opt\n")
    try:
        before = site.helpers()
        site.squid.reconfigure()
        wait_until(lambda: site.helpers() and set(site.helpers()).isdisjoint(before),
                   "there are new helpers")
        wait_until(lambda: is_settled(site, "/opt", "/opt"), "nothing is changed")
    finally:
        write_lines(site)


def test_reconfiguring_under_load_fails_nothing(site):
    ends = 2
    with Load(site, lambda number: path_of("reconfigured", number)) as load:
        for _ in range(ends):
            before = site.helpers()
            site.squid.reconfigure()
            load.wait(200)
            wait_until(lambda: set(site.helpers()).isdisjoint(before), "the old ones are gone")
    if site.is_forward:
        assert load.failures == []
    # Squid 5.7 gives up what it is just asking a cache_peer, with helpers or without.
    assert {status for status, _ in load.failures} <= {502}
    assert len(load.failures) <= CLIENTS * ends * site.workers
