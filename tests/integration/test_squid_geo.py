# SPDX-License-Identifier: Apache-2.0
"""Squid with replica-store-id in front of httpd's geo API: answers are shared by those who would
have got the same, and by nobody else."""

import http.client
import ipaddress
import random
import shutil
import threading
import time
import uuid

import pytest

import mmdb
from conftest import make_folder
from geo import DATABASE, add_geo
from helper import SETTLE_SECONDS
from loops import count
from servers import BUILD, DEADLINE_SECONDS, Httpd, wait_until
from squid import Squid
from tree import Tree

TEXT = """
http_port 80 accel defaultsite=localhost
http_port 8000 accel defaultsite=localhost
cache_peer 127.0.0.1 parent 8080 0 no-query originserver no-digest no-netdb-exchange
never_direct allow all
request_header_access CF-Connecting-IP deny all
store_id_program {folder}/replica-store-id --concurrency --file {folder}/rules
store_id_children 1 startup=1 idle=1 concurrency=500
store_id_extras "%>a %>rm %{{CF-Connecting-IP}}>h %{{X-Forwarded-For}}>h"
http_access allow all
collapsed_forwarding on
cache_mem 256 MB
workers {workers}
pinger_enable off
icp_port 0
visible_hostname replica
buffered_logs off
logformat stored %>a %ru %>Hs %Ss %{{store_id_}}note
access_log stdio:/var/log/squid/access.log stored
"""
# Squid's own address is the only one that httpd trusts, and no client's.
RULES = "geo host *.example.net client !127.0.0.1 database {}\n"
FORWARDED = ["127.200.9.9", "10.0.1.2, 127.70.1.1", "-", "x"]
SAME_PLACE = ipaddress.ip_network("127.200.0.0/16")
NAMES = [f"s{number}.example.net" for number in range(8)]
PROXIES = [f"squid{number}.example.net" for number in range(4)]


def random_place(chance):
    return chance.uniform(-90, 90), chance.uniform(-180, 180)


def networks(seed):
    """Places of servers, of proxies and of many networks of loopback addresses, nested and with
    gaps."""
    chance = random.Random(seed)
    places = [random_place(chance) for _ in range(12)] + [(0.0, 0.0), None]
    found = {f"10.0.0.{number}/32": random_place(chance) for number in range(8)}
    found |= {f"10.0.1.{number}/32": chance.choice(places) for number in range(4)}
    found[str(SAME_PLACE)] = places[0]
    for _ in range(120):
        prefix = chance.randrange(10, 25)
        address = ipaddress.ip_address(0x7f400000 + chance.randrange(0x400000))
        network = ipaddress.ip_network(f"{address}/{prefix}", strict=False)
        found[str(network)] = chance.choice(places)
    return found


def write_database(path, seed):
    mmdb.write(path, networks(seed))


class GeoSite:
    def __init__(self, workers):
        self.workers, self.folder = workers, make_folder()
        self.tree = Tree(self.folder / "tree")
        self.database = self.tree.folder / DATABASE
        write_database(self.database, 1)
        made = time.monotonic()
        hosts = "".join(f"10.0.0.{number} {name}\n" for number, name in enumerate(NAMES))
        hosts += "".join(f"10.0.1.{number} {name}\n" for number, name in enumerate(PROXIES))
        add_geo(self.tree, hosts, REPLICA_GEO_TRUSTED_PROXIES="127.0.0.1")
        self.httpd = Httpd(self.folder / "httpd", f"Replica {self.tree.confdir}").start()
        shutil.copy(BUILD / "squid-helpers" / "replica-store-id", self.folder)
        (self.folder / "rules").write_text(RULES.format(self.database))
        time.sleep(max(0, made + SETTLE_SECONDS + 1 - time.monotonic()))
        self.squid = Squid(self.folder / "squid", None, self.httpd.port,
                           TEXT.format(folder=self.folder, workers=workers)).start()

    def ask(self, port, source, path, host="s.example.net", **headers):
        """Status, body and whether Squid had it."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS,
                                                source_address=(source, 0))
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request("GET", path, headers={"Host": host, **names})
            answer = connection.getresponse()
            cache = answer.getheader("X-Cache") or ""
            return answer.status, answer.read(), cache.startswith("HIT")
        finally:
            connection.close()

    def ask_squid(self, source, path, **options):
        return self.ask(self.squid.ports[80], source, path, **options)

    def ask_httpd(self, source, path):
        return self.ask(self.httpd.port, source, path)

    def close(self):
        self.squid.stop()
        self.httpd.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module", params=[1, 2], ids=lambda workers: f"workers-{workers}")
def site(request):
    site = GeoSite(request.param)
    yield site
    site.close()


def random_case(chance, text):
    return "".join(chance.choice([byte.lower(), byte.upper()]) for byte in text)


def random_servers(chance):
    """A list, as clients send them, with all that may be in one."""
    elements = chance.sample(NAMES, 3) + chance.sample(
        ["10.0.0.1", "nosuch.example.net", "", "s_0", "[::1]", "10.9.9.9", NAMES[0], "single"], 2)
    chance.shuffle(elements)
    if chance.random() < 0.4:
        elements.insert(chance.randrange(6), "+PXYSEP+")
    return elements


def random_number(chance):
    return str(uuid.UUID(int=chance.getrandbits(128)))


def random_caching_string(chance):
    return chance.choice([
        "x", random_number(chance), random_number(chance).upper(),
        random_case(chance, chance.choice(PROXIES)), "nosuch.example.net", "10.0.1.1", "10.9.9.9",
        "single", "a_b.c", ".x", "10.0.1", "1.2", "x.", "[::1]"])


def random_path(chance, servers):
    elements = [element if element == "+PXYSEP+" else random_case(chance, element)
                for element in servers]
    repository, version = chance.choice(["a.b", "c", "d.org"]), chance.choice(["v1.0", "v2", "v"])
    return (f"/cvmfs/{repository}/api/{version}/geo/{random_caching_string(chance)}/"
            + ",".join(elements))


def test_answers_are_those_of_httpd_to_each_client(site):
    chance = random.Random(20261120)
    lists = [random_servers(chance) for _ in range(5)]
    clients = [str(ipaddress.ip_address(0x7f400000 + chance.randrange(0x400000)))
               for _ in range(60)] + [f"127.200.{number}.7" for number in range(20)]
    located = {client: site.ask_httpd(client, f"/cvmfs/a/api/v1/geo/x/{NAMES[0]}")[0] == 200
               for client in clients}
    assert 10 < sum(located.values()) < len(clients)
    hits, answers = 0, set()
    for _ in range(count("SHARED_QUESTIONS")):
        client, path = chance.choice(clients), random_path(chance, chance.choice(lists))
        headers = {}
        if located[client] and chance.random() < 0.3:
            # Who is behind a proxy that is located makes no difference, if it is true or not.
            headers["X_Forwarded_For"] = chance.choice(FORWARDED)
        if chance.random() < 0.1:
            headers["CF_Connecting_IP"] = chance.choice(["127.200.9.9", "-"])
        host = chance.choice(["s.example.net", "S2.example.net:8000", "other.org"])
        status, body, is_hit = site.ask_squid(client, path, host=host, **headers)
        assert (status, body) == site.ask_httpd(client, path)[:2], (client, path, host, headers)
        hits += is_hit
        answers.add(body)
    # How many are shared is for the next test; here some have to be.
    assert hits > 0 and len(answers) > 10, (hits, len(answers))


def log_paths(site, text):
    return [line for line in site.httpd.access_lines() if text in line]


def test_many_clients_of_one_place_are_one_request(site):
    chance = random.Random(64)
    servers = "one-request.example.net," + ",".join(NAMES)
    bodies, start = [], threading.Barrier(64)

    def ask(number):
        path = (f"/cvmfs/repository{number % 7}.org/api/v{number % 3}.0/geo/"
                f"{random_number(chance) if number else 'x'}/{servers}")
        start.wait()
        host = f"h{number}.example.net"
        bodies.append(site.ask_squid(f"127.200.{number}.1", path, host=host)[:2])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 64 and len(set(bodies)) == 1
    wait_until(lambda: log_paths(site, "one-request"), "it is logged")
    # Each worker of Squid's has a cache of its own here, with room for all that is asked: what
    # comes while its memory is full Squid passes on, and forgets.
    assert len(log_paths(site, "one-request")) <= site.workers
    assert bodies[0] == site.ask_httpd(str(SAME_PLACE[99]), f"/cvmfs/a/api/v1/geo/x/{servers}")[:2]


def test_clients_of_other_places_are_others(site):
    path = "/cvmfs/a/api/v1/geo/x/" + ",".join(NAMES)
    chance = random.Random(3)
    clients = [str(ipaddress.ip_address(0x7f400000 + chance.randrange(0x400000)))
               for _ in range(100)]
    direct = {client: site.ask_httpd(client, path)[:2] for client in clients}
    assert len(set(direct.values())) > 4
    for _ in range(2):
        chance.shuffle(clients)
        assert {client: site.ask_squid(client, path)[:2] for client in clients} == direct


def test_a_new_database_makes_new_answers(site):
    path = "/cvmfs/a/api/v1/geo/x/" + ",".join(NAMES)
    clients = [f"127.200.{number}.1" for number in range(8)]
    before = site.ask_httpd(clients[0], path)[:2]
    assert {site.ask_squid(client, path)[:2] for client in clients} == {before}
    write_database(site.database, 2)
    wait_until(lambda: site.ask_httpd(clients[0], path)[:2] != before, "httpd has it")
    # Each of its processes looks once a second.
    time.sleep(2)
    after = site.ask_httpd(clients[0], path)[:2]
    assert {site.ask_squid(client, path)[:2] for client in clients} == {after}
    time.sleep(SETTLE_SECONDS)
    for _ in range(2 * site.workers):
        answers = [site.ask_squid(client, path) for client in clients]
        assert {answer[:2] for answer in answers} == {after}
    if site.workers == 1:
        new = f"127.200.99.{random.randrange(1, 250)}"
        assert site.ask_squid(new, path) == (*after, True), "shared with whom never asked"
