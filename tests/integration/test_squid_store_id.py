# SPDX-License-Identifier: Apache-2.0
"""replica-store-id under real Squid: what is one copy for many URLs, and what never is."""

import http.client
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

from loops import count
from servers import DEADLINE_SECONDS, wait_until
from squid_site import ALL_KINDS, CLIENTS, Answerer, EasyOrigin, Load, Site

PROGRAM = "replica-store-id"
SECRET = "5ec"  # objects that begin so are the secret repository's alone
TEXT = """
store_id_program {{folder}}/replica-store-id --concurrency --file {{folder}}/rules
store_id_children 1 startup=1 idle=1 concurrency={concurrency} queue-size={queue}
store_id_extras "%>a %>rm %{{{{CF-Connecting-IP}}}}>h %{{{{X-Forwarded-For}}}}>h"
acl replica_keys dstdomain -n .replica.internal
http_access deny replica_keys
http_access allow all
hosts_file {{folder}}/hosts
logformat stored %rm %ru %>Hs %Ss %{{{{store_id_}}}}note
access_log stdio:/var/log/squid/access.log stored
"""
HOSTS = "127.0.0.1 a.example.net b.example.net other.example.org\n"
RULES = """
group tests host a.example.net,b.example.net,127.0.0.1 repository sw.example.net,alias.example.net
"""
A, B = ("a.example.net", 0), ("b.example.net", 1)
SW, ALIAS, HIDDEN = "sw.example.net", "alias.example.net", "secret.example.net"


class Store(Answerer):
    """Objects say where they come from, and how often they were asked for."""

    def answer(self):
        host, _, _ = self.headers["Host"].partition(":")
        with self.server.lock:
            self.server.requests.append((self.headers["Host"], self.path))
            number = len(self.server.requests)
        is_here = (f"/{SECRET[:2]}/{SECRET[2:]}" in self.path) == (HIDDEN in self.path)
        body = f"{host} {self.path} {number}".encode() if is_here else b""
        self.send_response(200 if is_here else 404)
        self.send_header("Cache-Control", "max-age=259200" if is_here else "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = answer


class Shop(Site):
    """A site with two origins, which are one in what they have."""

    def __init__(self, kind, workers, concurrency=500, queue=1000, text=""):
        super().__init__(kind, workers, [PROGRAM],
                         TEXT.format(concurrency=concurrency, queue=queue) + text,
                         {"rules": RULES, "hosts": HOSTS})
        self.second = EasyOrigin()
        self.second.requests, self.second.lock = self.origin.requests, self.origin.lock
        self.second.RequestHandlerClass = self.origin.RequestHandlerClass = Store
        self.connection = self.connect()

    def target(self, host, path):
        """What stands in a request's first line, and its Host."""
        name, number = host
        port = (self.origin, self.second)[number].server_port
        # Squid in front of a server has one only, whatever its clients call it.
        authority = f"{name}:{port}" if number or self.is_forward else name
        return (f"http://{authority}{path}" if self.is_forward else path), authority

    def get(self, host, path, connection=None, **headers):
        """Status and body; one connection, so that one of Squid's workers has it all."""
        connection = connection or self.connection
        target, authority = self.target(host, path)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", target, headers={"Host": authority, **names})
        answer = connection.getresponse()
        self.cache = answer.getheader("X-Cache")
        return answer.status, answer.read()

    def asked(self, what):
        """How many requests for WHAT have reached an origin."""
        return sum(what in path for _, path in self.origin.requests)

    def close(self):
        self.connection.close()
        self.second.close()
        super().close()


@pytest.fixture(scope="module", params=ALL_KINDS, ids=lambda kind: f"{kind[0]}-{kind[1]}")
def shop(request):
    shop = Shop(*request.param)
    yield shop
    shop.close()


NUMBERS = iter(range(1, 1000000))


def new_object(start="ab"):
    return f"{start}{next(NUMBERS):0{40 - len(start)}x}"


def path_of(name, repository=SW, suffix=""):
    return f"/cvmfs/{repository}/data/{name[:2]}/{name[2:]}{suffix}"


def test_one_copy_across_hosts_ports_and_aliases(shop):
    name = new_object()
    first = shop.get(A, path_of(name))
    assert first[0] == 200 and b"a.example.net" in first[1]
    for host, repository in [(B, ALIAS), (A, ALIAS), (B, SW)]:
        assert shop.get(host, path_of(name, repository)) == first
    assert shop.asked(name[2:]) == 1


def test_one_copy_across_squids_own_ports(shop):
    name = new_object()
    other = shop.connect(port=8000)
    answers = {shop.get(A, path_of(name)), shop.get(B, path_of(name, ALIAS), connection=other)}
    other.close()
    # Another connection may be with another worker, and workers do not share what they keep.
    assert {status for status, _ in answers} == {200}
    assert len(answers) == shop.asked(name[2:]) <= shop.workers


def test_suffixes_and_algorithms_are_kept_apart(shop):
    name = new_object()
    suffixes = ["", "C", "P", "-rmd160", "-rmd160C", "-shake128"]
    bodies = {shop.get(A, path_of(name, suffix=suffix))[1] for suffix in suffixes}
    assert len(bodies) == len(suffixes)
    assert {shop.get(B, path_of(name, ALIAS, suffix))[1] for suffix in suffixes} == bodies
    assert shop.asked(name[2:]) == len(suffixes)


def test_manifests_and_odd_urls_are_their_own(shop):
    for path in ("/cvmfs/{}/.cvmfspublished", f"/cvmfs/{{}}/data/ab/{new_object()[2:]}?x"):
        bodies = {shop.get(host, path.format(repository))[1]
                  for host in (A, B) for repository in (SW, ALIAS)}
        # Squid in front of a server goes by the Host header, too.
        assert len(bodies) == 4


def test_an_object_of_no_group_has_no_other_name(shop):
    hidden, known = new_object(SECRET), new_object()
    secret = shop.get(A, path_of(hidden, HIDDEN))
    assert secret[0] == 200
    for host in (A, B):
        for repository in (SW, ALIAS):
            assert shop.get(host, path_of(hidden, repository))[0] == 404
    # Nor by way of another host; and what a group has is not had under a name outside.
    assert shop.get(B, path_of(hidden, HIDDEN))[1] != secret[1]
    assert shop.get(A, path_of(known))[0] == 200
    assert shop.get(A, path_of(known, HIDDEN))[0] == 404
    assert shop.get(A, path_of(known, HIDDEN))[0] == 404
    outside = ("other.example.org", 0)
    assert b"other.example.org" in shop.get(outside, path_of(known))[1]


def test_a_key_is_no_url(shop):
    name = new_object()
    assert shop.get(A, path_of(name))[0] == 200
    key = f"/data/{name[:2]}/{name[2:]}"
    for host in ("tests.objects.replica.internal", "TESTS.objects.replica.internal."):
        shop.connection.request("GET", f"http://{host}{key}" if shop.is_forward else key,
                                headers={"Host": host})
        answer = shop.connection.getresponse()
        assert b"example.net" not in answer.read()
        assert answer.status in (403, 503)


def test_no_cache_asks_whom_it_names_and_replaces_the_copy(shop):
    name = new_object()
    first = shop.get(A, path_of(name))
    assert shop.get(B, path_of(name, ALIAS)) == first
    again = shop.get(B, path_of(name, ALIAS), Cache_Control="no-cache")
    assert again != first and b"b.example.net" in again[1] and ALIAS.encode() in again[1]
    assert shop.get(A, path_of(name)) == again
    assert shop.asked(name[2:]) == 2


def test_head_is_no_answer_for_others(shop):
    name = new_object()
    target, authority = shop.target(A, path_of(name))
    shop.connection.request("HEAD", target, headers={"Host": authority})
    shop.connection.getresponse().read()
    assert shop.get(B, path_of(name))[1].startswith(b"b.example.net")


def test_the_log_shows_the_key(shop):
    name, hidden = new_object(), new_object(SECRET)
    shop.get(A, path_of(name, suffix="C"))
    shop.get(A, path_of(hidden, HIDDEN))
    wait_until(lambda: any(hidden[2:] in line[1] for line in shop.log_lines()), "it is logged")
    notes = {line[1].rpartition("/")[2]: line[4] for line in shop.log_lines()}
    assert notes[name[2:] + "C"] == (
        f"http://tests.objects.replica.internal/data/{name[:2]}/{name[2:]}C")
    assert notes[hidden[2:]] == "-"


def test_workers_that_die_or_hang_are_not_noticed(shop):
    with Load(shop, lambda number: path_of(f"cd{number:038x}")) as load:
        for number in (signal.SIGKILL, signal.SIGSTOP):
            before = shop.helpers()
            for worker in before.values():
                os.kill(worker, number)
            load.wait(200)
            # A worker of Squid's may have no clients, and its helper nothing to do.
            wait_until(lambda: set(before.values()) - set(shop.helpers().values()),
                       "there is another")
    assert load.failures == []


def test_reconfiguring_under_load_leaves_nothing(shop):
    with Load(shop, lambda number: path_of(f"ef{number:038x}")) as load:
        before = set(shop.helpers())
        shop.squid.reconfigure()
        load.wait(100)
        wait_until(lambda: set(shop.helpers()).isdisjoint(before), "the old ones are gone")
    shop.connection.close()
    # With or without helpers, Squid 5.7 gives up what it is just reading from a cache_peer.
    assert len(load.failures) <= CLIENTS * shop.workers
    assert {status for status, _ in load.failures} <= {502}
    assert not shop.is_forward or load.failures == []


def sharing(shop):
    """What Squid's workers do: {True}, {False}, or both while they do not agree."""
    def ask(connection):
        name = new_object()
        first = shop.get(A, path_of(name), connection)
        return shop.cache, first == shop.get(B, path_of(name), connection)

    answers = shop.ask_all(ask)
    return set(answers.values()) if len(answers) == shop.workers else {}


def test_rules_that_are_wrong_change_nothing_and_mended_ones_do(shop):
    wait_until(lambda: sharing(shop) == {True}, "all workers share")
    shop.write("rules", "group tests host a.example.net\n")
    wait_until(lambda: sharing(shop) and "rules:1: there is no repository"
               in shop.squid.log_text(), "it is complained about")
    # With several workers, what one has just answered need not be in the cache at once.
    wait_until(lambda: sharing(shop) == {True}, "all workers share as before")
    shop.write("rules", "# nothing\n")
    wait_until(lambda: sharing(shop) == {False}, "nothing is shared")
    shop.write("rules", RULES)
    wait_until(lambda: sharing(shop) == {True}, "objects are shared again")


EXPLAINED = """
group one host a.example.net,*.org repository sw.example.net,a*
group two host !*.org repository !secret.example.net,sw.*
group one host 127.0.0.? repository *
"""


def random_path(chance, number):
    repository = chance.choice([SW, ALIAS, HIDDEN, "x.org", "z"])
    return chance.choice([
        "/cvmfs/{}/data/ab/{:038x}", "/cvmfs/{}/data/ab/{:038x}C", "/cvmfs/{}/data/ab/{:038x}-x",
        "/cvmfs/{}/data/{:040x}", "/cvmfs/{}/.cvmfspublished?{}", "/cvmfs/{}/data/ab/{:038x}?x",
        "/cvmfs/{}/data//ab/{:038x}", "/cvmfs/%73{}/data/ab/{:038x}",
        "/cvmfs/{}/api/v1.0/geo/x/{:x}"]).format(repository, number)


def test_explain_agrees_with_squid(shop):
    chance = random.Random(20261120)
    shop.write("rules", EXPLAINED)
    wait_until(lambda: sharing(shop) == {False}, "the rules are in force")
    hosts = [A, B, ("other.example.org", 1), ("127.0.0.1", 0)]
    asked = [(chance.choice(hosts), random_path(chance, number))
             for number in range(10**9, 10**9 + count("EXPLAINED_REQUESTS"))]
    paths = {path for _, path in asked}

    def logged():
        """Lines on these requests; those on earlier ones may come late."""
        return [line for line in shop.log_lines()
                if "/" + line[1].partition("://")[2].partition("/")[2] in paths]

    for host, path in asked:
        shop.get(host, path)
    wait_until(lambda: len(logged()) >= len(asked), "all is logged")
    lines = logged()
    explained = subprocess.run(
        [shop.folder / PROGRAM, "--explain", "-", "--file", shop.folder / "rules"],
        input="".join(f"{line[1]} 192.0.2.1\n" for line in lines), capture_output=True, text=True,
        check=True).stdout.splitlines()
    assert len(explained) == len(lines) == len(asked)
    for line, text in zip(lines, explained):
        assert line[4] == ("-" if "no key: " in text else text.split(": ")[1]), (line, text)
    assert len({line[4].split(".")[0] for line in lines}) == 3
    shop.write("rules", RULES)
    wait_until(lambda: sharing(shop) == {True}, "the rules are in force")


@pytest.mark.parametrize("kind, workers", ALL_KINDS)
def test_a_helper_that_is_busy_is_passed_by(kind, workers):
    """What is asked for meanwhile is served, and kept under its own URL."""
    shop = Shop(kind, workers, concurrency=1, queue=1)
    try:
        first, other = new_object(), new_object()
        assert shop.get(A, path_of(first))[0] == 200
        processes = [pid for pair in shop.helpers().items() for pid in pair]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        waiting = [threading.Thread(target=shop.get, args=(B, path_of(new_object())),
                                    kwargs={"connection": shop.connect()})
                   # So many that each of Squid's workers has more than it can ask about.
                   for _ in range(2 if workers == 1 else 16)]
        for thread in waiting:
            thread.start()

        def is_passed_by():
            connection = shop.connect()
            connection.timeout = 5
            try:
                return shop.get(B, path_of(other), connection=connection)[0] == 200
            except (TimeoutError, http.client.HTTPException):
                return False
            finally:
                connection.close()

        wait_until(is_passed_by, "it is served")
        assert shop.asked(other[2:]) == 1
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
        for thread in waiting:
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()
        assert shop.get(A, path_of(other))[1].startswith(b"a.example.net"), "it has no copy"
        assert shop.get(B, path_of(other))[1].startswith(b"a.example.net"), "but now"
        assert shop.asked(first[2:]) == 1
    finally:
        shop.close()


class BadServer:
    """Answers each request by BYTES, after a while, and closes."""

    def __init__(self, content):
        self.content, self.is_asked = content, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        connection, _ = self.socket.accept()
        connection.recv(65536)
        self.is_asked.set()
        time.sleep(0.5)
        connection.sendall(self.content)
        connection.close()
        self.socket.close()


@pytest.fixture(scope="module")
def collapsing():
    """Those who ask for the same at once wait for the first one's answer."""
    shop = Shop("forward", 1, text="collapsed_forwarding on\n")
    yield shop
    shop.close()


@pytest.mark.parametrize("content", [
    b"", b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\nnone",
    b"HTTP/1.1 404 Not Found\r\nCache-Control: max-age=300\r\nContent-Length: 4\r\n\r\nnone",
    b"HTTP/1.1 200 OK\r\nCache-Control: max-age=300\r\nContent-Length: 400\r\n\r\nhalf"],
    ids=["nothing", "error", "missing", "half"])
def test_a_server_that_fails_does_not_speak_for_others(collapsing, content):
    name, server = new_object(), BadServer(content)
    first = collapsing.connect()
    first.request("GET", f"http://a.example.net:{server.port}{path_of(name)}")
    assert server.is_asked.wait(DEADLINE_SECONDS)
    status, body = collapsing.get(B, path_of(name, ALIAS))
    assert status == 200 and body.startswith(b"b.example.net")
    server.thread.join()
    first.close()
    assert collapsing.get(B, path_of(name)) == (status, body), "its copy is kept"
