# SPDX-License-Identifier: Apache-2.0
"""Geo databases that come, go and break while httpd answers."""

import http.client
import threading
import time

import loops
import mmdb
from geo import add_geo, ask, order, question
from servers import DEADLINE_SECONDS, wait_until
from tree import replace_file

CONNECTIONS = 16
HOSTS = "198.51.100.1 a.example.net\n198.51.100.2 b.example.net\n198.51.100.3 c.example.net\n"
SERVERS = "a.example.net,b.example.net,c.example.net,198.51.100.1"
# A mixture of the two is neither of their answers.
LATITUDES = {"1,4,2,3": (10.0, 20.0, 30.0), "3,2,1,4": (35.0, 25.0, 15.0)}


def install(database, answer):
    """The version of the database that gives ANSWER."""
    networks = [("127.0.0.1/32", (0.0, 0.0))]
    networks += [(f"198.51.100.{number}/32", (latitude, 0.0))
                 for number, latitude in enumerate(LATITUDES[answer], 1)]
    mmdb.write(database, networks)


class Client(threading.Thread):
    """Asks again and again over one connection."""

    def __init__(self, port, stop):
        super().__init__()
        self.stop = stop
        self.answers = {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)

    def ask(self):
        self.connection.request("GET", question(SERVERS))
        response = self.connection.getresponse()
        return f"{response.status} {response.read().decode().strip()}"

    def ask_as_clients_do(self):
        """A server may end a connection that is kept: that is no answer, and no failure."""
        was_kept = self.connection.sock is not None
        try:
            return self.ask()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self.connection.close()
            if not was_kept:
                raise
        return self.ask()

    def run(self):
        while not self.stop.is_set():
            try:
                answer = self.ask_as_clients_do()
            except (OSError, http.client.HTTPException) as error:
                answer = repr(error)
                self.connection.close()
            self.answers[answer] = self.answers.get(answer, 0) + 1
        self.connection.close()


def test_replaced_under_load(tree, start_httpd):
    first, second = LATITUDES
    database = add_geo(tree, HOSTS, REPLICA_GEO_CACHE_TTL=1)
    install(database, first)
    # With a thread for each connection of each process few are closed to make room. A process that
    # crashed would be seen when the server ends.
    httpd = start_httpd("MaxKeepAliveRequests 0\nKeepAliveTimeout 60\n"
                        f"ThreadsPerChild {2 * CONNECTIONS}\n"
                        f"MaxRequestWorkers {8 * CONNECTIONS}\n"
                        f"MaxSpareThreads {8 * CONNECTIONS}")
    stop = threading.Event()
    clients = [Client(httpd.port, stop) for _ in range(CONNECTIONS)]
    for client in clients:
        client.start()
    for number in range(loops.count("GEO_RELOAD_SECONDS")):
        time.sleep(1)
        install(database, (second, first)[number % 2])
    install(database, second)
    wait_until(lambda: all(f"200 {second}" in client.answers for client in clients),
               "everybody has seen the second version")
    stop.set()
    for client in clients:
        client.join()
    seen = set().union(*(client.answers for client in clients))
    assert seen == {f"200 {first}", f"200 {second}"}


def test_a_broken_file_leaves_the_old_one_in_service(tree, start_httpd):
    first, second = LATITUDES
    database = add_geo(tree, HOSTS)
    install(database, first)
    good = database.read_bytes()
    httpd = start_httpd()
    assert order(httpd, SERVERS) == first
    for content in (b"", b"no database at all", good[:len(good) // 2]):
        before = httpd.log_text().count(str(database))
        replace_file(database, content)
        wait_until(lambda: httpd.log_text().count(str(database)) > before, "it is refused")
        assert order(httpd, SERVERS) == first
    assert "error" in [line for line in httpd.log_text().splitlines()
                       if str(database) in line][-1]
    database.unlink()
    assert order(httpd, SERVERS) == first
    install(database, second)
    wait_until(lambda: order(httpd, SERVERS) == second, "the good one is in service")


def test_processes_that_start_with_a_broken_file_have_the_old_one(tree, start_httpd):
    first, second = LATITUDES
    database = add_geo(tree, HOSTS)
    install(database, first)
    httpd = start_httpd()
    assert order(httpd, SERVERS) == first  # so the parent has read it
    replace_file(database, b"no database at all")
    old = set(httpd.child_pids())
    httpd.kill_children()
    wait_until(lambda: httpd.child_pids() and not old & set(httpd.child_pids()), "others are there")
    assert {order(httpd, SERVERS) for _ in range(10)} == {first}
    install(database, second)
    wait_until(lambda: {order(httpd, SERVERS) for _ in range(20)} == {second}, "it is replaced")


def test_a_file_that_comes_later(tree, start_httpd):
    first = next(iter(LATITUDES))
    database = add_geo(tree, HOSTS)
    database.unlink()
    httpd = start_httpd()
    assert ask(httpd, SERVERS).status == 503
    install(database, first)
    wait_until(lambda: ask(httpd, SERVERS).status == 200, "the database is in service")
    # Each process finds out for itself.
    wait_until(lambda: {order(httpd, SERVERS) for _ in range(20)} == {first}, "everywhere")


def test_several_files(tree, start_httpd):
    database = add_geo(tree, HOSTS, REPLICA_GEO_DB="one.mmdb two.mmdb")
    database.unlink()
    mmdb.write(tree.folder / "one.mmdb", [("127.0.0.1/32", (0.0, 0.0))], ip_version=4)
    mmdb.write(tree.folder / "two.mmdb", [("2001:db8::/32", (10.0, 0.0))], flat=True)
    httpd = start_httpd()
    assert order(httpd, "127.0.0.1,2001:db8::1", "2001:db8::2") == "2,1"


def test_one_of_several_files_is_better_than_none(tree, start_httpd):
    """Processes that start while a file is missing have the others."""
    add_geo(tree, HOSTS, REPLICA_GEO_DB="one.mmdb two.mmdb")
    mmdb.write(tree.folder / "one.mmdb", [("127.0.0.1/32", (0.0, 0.0))], ip_version=4)
    httpd = start_httpd()
    assert order(httpd, "2001:db8::1,127.0.0.1") == "2,1"
    assert f"{tree.folder}/two.mmdb" in httpd.log_text()
    mmdb.write(tree.folder / "one.mmdb", [("127.0.0.0/30", (0.0, 0.0))], ip_version=4)
    wait_until(lambda: {order(httpd, "2001:db8::1,127.0.0.2") for _ in range(20)} == {"2,1"},
               "a new version of the good one is in service")
    mmdb.write(tree.folder / "two.mmdb", [("2001:db8::/32", (0.0, 0.0))], flat=True)
    wait_until(lambda: {order(httpd, "2001:db8::1,127.0.0.1") for _ in range(20)} == {"1,2"},
               "both are in service everywhere")
