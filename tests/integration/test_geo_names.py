# SPDX-License-Identifier: Apache-2.0
"""Names of the geo API: who is asked for them, how often, and what if nobody answers."""

import http.client
import threading
import time

import pytest

from dns import SERVFAIL, SILENT, NameServer
from geo import add_geo, ask, lookups, order, question, write_hosts
from mmdb import A, B, CERN, CERN_IPV6, IHEP, IPV6_ONLY, NOWHERE, UNKNOWN
from servers import THREADS, wait_until

KEPT, SOON_ASKED_AGAIN = "max-age=3600", "max-age=60"


@pytest.fixture
def names():
    server = NameServer()
    server.addresses.update({
        "near.example.net": [CERN], "far.example.net": [IHEP],
        "both.example.net": [CERN, IPV6_ONLY], "v6.example.net": [CERN_IPV6],
        "v4-unknown.example.net": [UNKNOWN, CERN_IPV6],
        "v4-nowhere.example.net": [NOWHERE, CERN_IPV6], "nowhere.example.net": [NOWHERE],
        "two.example.net": [UNKNOWN, CERN]})
    yield server
    server.close()


@pytest.fixture
def start_geo(names, tree, start_httpd):
    """A function that starts a server that asks .names, with a budget of a second."""
    def start(config="", hosts=None, **settings):
        add_geo(tree, hosts, **{"REPLICA_GEO_NAMESERVERS": names.setting,
                                "REPLICA_GEO_TIMEOUT": 1, **settings})
        return start_httpd(config)
    return start


def caching(response):
    return response.headers["cache-control"]


def test_the_first_ipv4_address_then_the_first_ipv6_address(start_geo, names):
    httpd = start_geo(REPLICA_GEO_TIMEOUT=20)
    for name in ("both", "v6", "v4-unknown", "v4-nowhere"):
        assert order(httpd, f"{A},{name}.example.net") == "2,1", name
    for name in ("two", "nowhere", "nosuch"):
        assert order(httpd, f"{A},{name}.example.net") == "1,2", name
    assert order(httpd, f"{CERN},{IHEP}", "far.example.net") == "2,1"
    assert caching(ask(httpd, f"{A},both.example.net,nosuch.example.net")) == KEPT


def test_a_name_is_looked_up_once(start_geo, names):
    httpd = start_geo(REPLICA_GEO_TIMEOUT=20)
    before = lookups(httpd)
    for _ in range(20):
        assert order(httpd, "nosuch.example.net,near.example.net,NEAR.example.net.") == "2,3,1"
        assert order(httpd, "nosuch.example.net").startswith("400")
    assert names.count("nosuch.example.net") == names.count("near.example.net") == 1
    assert lookups(httpd) - before == 2


def test_words_are_nobody_s_business(start_geo, names):
    httpd = start_geo()
    for word in ("x", "proxy", "123e4567-e89b-12d3-a456-426614174000", "_a.b_", "[::1]", "::1",
                 "1.2.3.4", "a..b"):
        order(httpd, f"{A},under_score.example.net,a..b,{'a' * 64}.example.net", word)
    assert names.questions == []


def test_a_name_moves_when_its_time_is_over(start_geo, names):
    httpd = start_geo(REPLICA_GEO_CACHE_TTL=1)
    wait_until(lambda: order(httpd, f"{A},near.example.net") == "2,1", "the name is known")
    names.addresses["near.example.net"] = [IHEP]
    wait_until(lambda: order(httpd, f"{A},near.example.net") == "1,2", "the name has moved")


def test_an_old_answer_is_not_given_to_who_comes_first_after_its_time(start_geo, names):
    """Who renews it waits: it may be from last week, and answers are kept for an hour."""
    httpd = start_geo(REPLICA_GEO_CACHE_TTL=1, REPLICA_GEO_TIMEOUT=20)
    assert order(httpd, f"{A},near.example.net") == "2,1"
    assert order(httpd, f"{A},new.example.net") == "1,2"
    names.addresses["near.example.net"] = [IHEP]
    names.addresses["new.example.net"] = [CERN]
    time.sleep(1.2)
    assert order(httpd, f"{A},near.example.net") == "1,2"
    assert order(httpd, f"{A},new.example.net") == "2,1"


@pytest.mark.parametrize("trouble", [SERVFAIL, SILENT, "gone", "no place"])
def test_what_was_known_stays_when_it_cannot_be_renewed(start_geo, names, trouble):
    httpd = start_geo(REPLICA_GEO_CACHE_TTL=1)
    wait_until(lambda: order(httpd, f"{A},near.example.net") == "2,1", "the name is known")
    before = names.count("near.example.net")
    if trouble == "gone":
        del names.addresses["near.example.net"]
    elif trouble == "no place":
        names.addresses["near.example.net"] = [UNKNOWN]
    else:
        names.behaviour["near.example.net"] = trouble

    def is_asked_again():
        assert order(httpd, f"{A},near.example.net") == "2,1"
        return names.count("near.example.net") >= before + 2

    wait_until(is_asked_again, "it was asked for again")
    assert order(httpd, f"{A},near.example.net") == "2,1"


def in_parallel(count, work):
    results = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_many_ask_and_one_looks_it_up(start_geo, names, folder):
    httpd = start_geo(f'LogFormat "%P" pid\nCustomLog {folder}/pids pid',
                      REPLICA_GEO_TIMEOUT=20)
    # Long enough for more questions than one process has threads.
    names.behaviour["near.example.net"] = 3
    answers = in_parallel(64, lambda: order(httpd, f"{A},near.example.net"))
    assert answers == ["2,1"] * 64
    assert names.count("near.example.net") == 1
    assert lookups(httpd) == 1
    wait_until(lambda: len((folder / "pids").read_text().split()) >= 64, "all are logged")
    assert len(set((folder / "pids").read_text().split())) > 1, "several processes"


def test_names_are_looked_up_side_by_side(start_geo, names):
    """Fifty names that together take nearly twice the budget are all known in time."""
    httpd = start_geo(REPLICA_GEO_TIMEOUT=20)
    several = [f"n{number}.example.net" for number in range(50)]
    for name in several:
        names.addresses[name] = [CERN]
        names.behaviour[name] = 0.7
    response = ask(httpd, ",".join(several), "near.example.net")
    assert response.status == 200 and caching(response) == KEPT


def test_nobody_answers(start_geo, names):
    httpd = start_geo()
    names.everything = SILENT
    for elements, caching_string, expected in (
            (f"{B},near.example.net,{A}", "x", "200 3,1,2"),
            (f"{B},{A}", "proxy.example.net", "200 2,1"),
            ("near.example.net", "x", "400 Bad Request: no server addr found in database")):
        response = ask(httpd, elements, caching_string)
        assert f"{response.status} {response.body.decode()[:-1]}" == expected
        assert caching(response) == SOON_ASKED_AGAIN


@pytest.mark.parametrize("trouble", [SERVFAIL, "closed"])
def test_no_answer_is_soon_asked_for_again(start_geo, names, trouble):
    add = {"REPLICA_GEO_NAMESERVERS": "127.0.0.1:1"} if trouble == "closed" else {}
    httpd = start_geo(**add)
    names.everything = SERVFAIL
    response = ask(httpd, f"{A},near.example.net")
    assert (response.status, response.body) == (200, b"1,2\n")
    assert caching(response) == SOON_ASKED_AGAIN


def test_a_late_name_is_there_for_the_next_one(start_geo, names):
    httpd = start_geo()
    names.behaviour["near.example.net"] = 1.3
    response = ask(httpd, f"{A},near.example.net")
    if caching(response) == SOON_ASKED_AGAIN:  # else this thread was stopped meanwhile
        assert response.body == b"1,2\n"
    wait_until(lambda: caching(ask(httpd, f"{A},near.example.net")) == KEPT, "it is known")
    assert order(httpd, f"{A},near.example.net") == "2,1"
    assert names.count("near.example.net") == 1


ONE_PROCESS = """StartServers 1
ServerLimit 1
ThreadsPerChild 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8"""


def test_names_without_an_answer_do_not_hold_all_threads(start_geo, names):
    httpd = start_geo(ONE_PROCESS, REPLICA_GEO_TIMEOUT=30)
    names.everything = SERVFAIL
    assert caching(ask(httpd, f"{A},first.example.net")) == SOON_ASKED_AGAIN
    names.everything = SILENT
    answers = []
    asking = [threading.Thread(target=lambda number=number: answers.append(
        ask(httpd, f"{A},n{number}.example.net").body)) for number in range(16)]
    for thread in asking:
        thread.start()
    wait_until(lambda: len(answers) >= 12, "half of the threads wait, the others answer")
    assert order(httpd, f"{B},{A}") == "2,1"
    assert len(answers) == 12, "so did this one, before anybody's time was over"
    for thread in asking:
        thread.join()
    assert answers == [b"1,2\n"] * 16


def test_one_question_leaves_room_for_others_names(start_geo, names):
    httpd = start_geo(ONE_PROCESS, REPLICA_GEO_TIMEOUT=20)
    names.everything = SILENT
    names.behaviour["near.example.net"] = 0
    responses = []
    asking = threading.Thread(target=lambda: responses.append(
        ask(httpd, ",".join([A] + [f"n{number}.t" for number in range(600)]))))
    asking.start()
    counts = []

    def is_settled():
        counts.append(len(names.questions))
        return counts[-1] > 0 and counts[-10:] == 10 * counts[-1:]

    wait_until(is_settled, "all names are asked for that may be")
    assert order(httpd, f"{A},near.example.net") == "2,1"
    asking.join()
    (response,) = responses
    assert response.status == 200 and caching(response) == SOON_ASKED_AGAIN


def test_a_killed_process_with_a_pending_lookup_blocks_nobody(start_geo, names):
    httpd = start_geo(REPLICA_GEO_TIMEOUT=30)
    names.behaviour["near.example.net"] = SILENT

    def ask_in_vain():
        try:
            ask(httpd, "near.example.net")
        except OSError:
            pass

    asking = [threading.Thread(target=ask_in_vain) for _ in range(4)]
    for thread in asking:
        thread.start()
    wait_until(lambda: names.count("near.example.net") == 1, "the lookup has begun")
    httpd.kill_children()
    # At once, for who was not yet served asks the new processes.
    names.behaviour.clear()
    for thread in asking:
        thread.join()
    wait_until(lambda: order(httpd, f"{A},near.example.net") == "2,1", "it is looked up again")
    assert order(httpd, f"{A},far.example.net") == "1,2"


def test_killed_processes_under_load_block_nobody(start_geo, names):
    httpd = start_geo(REPLICA_GEO_CACHE_TTL=1, REPLICA_GEO_CACHE_SIZE=16)
    several = [f"n{number}.example.net" for number in range(30)]
    names.addresses.update({name: [CERN] for name in several})
    stop = threading.Event()

    def load():
        number = 0
        while not stop.is_set():
            number += 7
            try:
                answer = ask(httpd, f"{A},{several[number % 30]},{several[number % 17]}")
                assert answer.status == 200
            except (OSError, http.client.HTTPException):
                pass

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        time.sleep(0.3)
        httpd.kill_children()
        wait_until(httpd.child_pids, "there are new processes")
    stop.set()
    for thread in threads:
        thread.join()
    wait_until(lambda: order(httpd, f"{A},{several[0]}") == "2,1", "names are known")


def test_the_hosts_file_comes_first_and_may_change(start_geo, names, tree):
    # One process: each reads the file by itself.
    httpd = start_geo(f"StartServers 1\nMaxRequestWorkers {THREADS}",
                      hosts=f"{IHEP} near.example.net\n", REPLICA_GEO_CACHE_TTL=1,
                      REPLICA_GEO_TIMEOUT=20)
    assert order(httpd, f"{A},near.example.net") == "1,2"
    assert order(httpd, f"{A},both.example.net") == "2,1", "what it has not is asked for"
    assert names.count("near.example.net") == 0
    write_hosts(tree, f"{CERN} near.example.net\n")
    wait_until(lambda: order(httpd, f"{A},near.example.net") == "2,1", "the file is read again")
    (tree.folder / "hosts").unlink()
    wait_until(lambda: "cannot read the hosts file" in httpd.log_text(), "it is missed")
    time.sleep(1.2)
    assert order(httpd, f"{A},near.example.net") == "2,1", "what was read stays"
    assert names.count("near.example.net") == 0


def test_with_a_hosts_file_alone_nobody_is_asked(start_geo, names):
    httpd = start_geo(hosts=f"{IHEP} far.example.net\n", REPLICA_GEO_NAMESERVERS="")
    assert order(httpd, f"near.example.net,{A},far.example.net") == "2,3,1"
    assert names.questions == []


def test_the_least_recently_used_name_is_forgotten(start_geo, names):
    httpd = start_geo(REPLICA_GEO_CACHE_SIZE=16, REPLICA_GEO_TIMEOUT=20)
    several = [f"n{number}.example.net" for number in range(40)]
    names.addresses.update({name: [CERN] for name in several})
    for name in several:
        assert order(httpd, f"{A},{name}") == "2,1"
    assert lookups(httpd) == 40
    assert order(httpd, f"{A},{several[39]}") == "2,1"
    assert lookups(httpd) == 40, "still known"
    assert order(httpd, f"{A},{several[0]}") == "2,1"
    assert lookups(httpd) == 41, "forgotten meanwhile"
    # More names in one question than there is room for.
    assert ask(httpd, ",".join(several)).status == 200


def test_a_restart_gives_the_memory_back(start_geo, names):
    httpd = start_geo(REPLICA_GEO_TIMEOUT=20)

    def shared_memory():
        maps = open(f"/proc/{httpd.process.pid}/maps", encoding="utf-8").read()
        return maps.count(" rw-s ")

    assert order(httpd, f"{A},near.example.net") == "2,1"
    httpd.graceful()
    before = shared_memory()
    for _ in range(3):
        httpd.graceful()
    assert shared_memory() == before > 0
    assert order(httpd, f"{A},near.example.net") == "2,1"
    assert httpd.fetch(question(A)).status == 200
