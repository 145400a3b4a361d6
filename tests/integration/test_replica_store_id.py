# SPDX-License-Identifier: Apache-2.0
"""replica-store-id as a filter: golden lines, hostile lines, rules and databases that change."""

import ipaddress
import random
import subprocess
import time

import pytest

import mmdb
from helper import FOLDER, SETTLE_SECONDS, Helper, answers_to_each, check_golden
from servers import TOP, wait_until
from tree import replace_file

PROGRAM = "replica-store-id"
OBJECT = "data/ab/" + "0" * 37 + "1"
UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
RULES = """# of the tests
group tests host *.example.net,192.0.2.1 repository sw.example.net,alias
include more
geo host stratum1.example.net,s1
"""
MORE = "group other host * repository *.example.org\n"
ASKED = "192.0.2.7 GET - -"
GEO = "http://s1/cvmfs/any/api/v1.0/geo"
BROKEN = 'BH message="the query is not URL CLIENT METHOD: see store_id_extras"'
GOLDEN = [
    (f"http://a.example.net/cvmfs/sw.example.net/{OBJECT} {ASKED}", f"tests.objects/{OBJECT}"),
    (f"http://B.example.net:8000/cvmfs/alias/{OBJECT} {ASKED}", f"tests.objects/{OBJECT}"),
    (f"http://192.0.2.1:80/cvmfs/alias/{OBJECT}C {ASKED}", f"tests.objects/{OBJECT}C"),
    (f"http://any/cvmfs/a.example.org/{OBJECT}-rmd160P  {ASKED} ",
     f"other.objects/{OBJECT}-rmd160P"),
    # With or without headers, forwarded or not: objects are the same for everybody.
    (f"http://any/cvmfs/a.example.org/{OBJECT} - GET", f"other.objects/{OBJECT}"),
    (f"http://any/cvmfs/a.example.org/{OBJECT} 192.0.2.7 GET 192.0.2.9, -",
     f"other.objects/{OBJECT}"),
    (f"http://a.example.net/cvmfs/secret.example.net/{OBJECT} {ASKED}", None),
    (f"http://other.net/cvmfs/sw.example.net/{OBJECT} {ASKED}", None),
    (f"https://a.example.net/cvmfs/sw.example.net/{OBJECT} {ASKED}", None),
    (f"http://a.example.net/cvmfs/sw.example.net/{OBJECT}?x {ASKED}", None),
    (f"http://a.example.net/cvmfs/sw.example.net/{OBJECT} 192.0.2.7 HEAD - -", None),
    (f"http://a.example.net/cvmfs/sw.example.net/.cvmfspublished {ASKED}", None),
    (f"http://tests.objects.replica.internal/{OBJECT} {ASKED}", None),
    (f"{GEO}/x/A,b {ASKED}", "geo/0/192.0.2.7/a,b"),
    (f"http://Stratum1.example.net:8000/cvmfs/b/api/v2/geo/{UUID}/a,B {ASKED}",
     "geo/0/192.0.2.7/a,b"),
    (f"{GEO}/x/A,+PXYSEP+,B 2001:DB8::7 GET - -", "geo/0/2001:db8::7/a,+PXYSEP+,b"),
    (f"{GEO}/Squid.example.net/a {ASKED}", "geo/0/squid.example.net~192.0.2.7/a"),
    (f"{GEO}/192.0.2.99/a {ASKED}", "geo/0/192.0.2.99~192.0.2.7/a"),
    (f"{GEO}/_namelookups_/ {ASKED}", None),
    (f"{GEO}/single/a {ASKED}", None),
    (f"{GEO}/x/a?ip= {ASKED}", None),
    (f"{GEO}/x/a 192.0.2.7 HEAD - -", None),
    # From a content delivery network, or forwarded by who knows whom.
    (f"{GEO}/x/a 192.0.2.7 GET 192.0.2.9 -", None),
    (f"{GEO}/x/a 192.0.2.7 GET - 192.0.2.9", None),
    (f"{GEO}/x/a 192.0.2.7 GET - 192.0.2.9, 192.0.2.10", None),
    (f"{GEO}/x/a 192.0.2.7 GET", None),
    (f"{GEO}/x/a 192.0.2.7 GET -", None),
    (f"{GEO}/x/a 127.0.0.1 GET - -", None),
    (f"{GEO}/x/a - GET - -", None),
    (f"http://a.example.net/cvmfs/any/api/v1.0/geo/x/a {ASKED}", None),
    (f"http://a.example.net/cvmfs/sw.example.net/{OBJECT} 192.0.2.7/a - GET", BROKEN),
    (f"http://a.example.net/cvmfs/sw.example.net/{OBJECT}", BROKEN),
    ("", BROKEN),
]


def reply(expected):
    if expected is None:
        return "ERR"
    if expected.startswith("BH"):
        return expected
    group, _, rest = expected.partition("/")
    key = f"http://{group}.replica.internal/{rest}"
    return f'OK store-id="{key}" store_id_="{key}"'


@pytest.fixture
def rules(folder):
    path = folder / "rules"
    path.write_text(RULES)
    (folder / "more").write_text(MORE)
    return path


def query(number, repository="alias"):
    return f"{number} http://a.example.net/cvmfs/{repository}/{OBJECT} {ASKED}"


@pytest.mark.parametrize("has_channels", [False, True])
def test_golden_lines(rules, has_channels):
    check_golden(PROGRAM, rules, [(line, reply(key)) for line, key in GOLDEN], has_channels)


def test_hostile_lines_have_one_answer_each(rules):
    chance = random.Random(20261120)
    good = query(9).encode()[2:]
    lines = [b"", b"x", b"-1 a b c", b"1", b"2 " + b"%" * 9000, b"3 " + b"a " * 30000,
             b"4 " + b"a" * 65536, b"5 " + b"a" * 200000, b"9" * 70000, b"6 \0\0 \0 \0",
             b"7 http://s1/cvmfs/a/api/v1/geo/x/" + b"a," * 30000 + b" 192.0.2.7 GET -",
             b"8 http://s1/cvmfs/a/api/v1/geo/" + b"a." * 30000 + b"/a 192.0.2.7 GET -",
             b"9 http://" + b"h" * 60000 + b"/cvmfs/alias/data/ab/ 192.0.2.7 GET -",
             b"8 " + bytes(set(range(256)) - {10})]
    for number in range(100, 1100):
        line = bytearray(good)
        for _ in range(chance.randrange(4)):
            line[chance.randrange(len(line))] = chance.randrange(256)
        lines.append(b"%d " % number + bytes(line).replace(b"\n", b""))
    for answer in answers_to_each(PROGRAM, rules, lines):
        assert answer == b"ERR" or answer.startswith((b"OK store-id=", b"BH message=")), answer


def test_changed_rules_are_taken_up_and_wrong_ones_are_not(rules):
    def said(text):
        helper.ask(query(1))
        return any(text in line for line in helper.complaints)

    with Helper(PROGRAM, "--concurrency", "--file", rules) as helper:
        assert "tests.objects" in helper.ask(query(1))
        assert helper.ask(query(2, "a.org")) == "2 ERR"
        replace_file(rules.parent / "more", b"group more host * repository *.org\n")
        wait_until(lambda: "more.objects" in helper.ask(query(3, "a.org")), "an include")
        replace_file(rules.parent / "more", b"\ngroup more host a:80 repository b\n")
        wait_until(lambda: said("more:2: host: 'a:80' has a port"), "it complains")
        assert "more.objects" in helper.ask(query(4, "a.org")), "the rules before stay"
        rules.unlink()
        wait_until(lambda: said("No such file"), "it complains")
        assert "tests.objects" in helper.ask(query(5))
        replace_file(rules, b"# nothing\n")
        wait_until(lambda: helper.ask(query(6)) == "6 ERR", "mended rules")
        assert len(helper.complaints) == 2, "once for each change"


def test_without_rules_every_url_is_its_own_key(folder):
    with Helper(PROGRAM, "--concurrency", "--file", folder / "rules") as helper:
        assert helper.ask(query(1)) == "1 ERR"
        wait_until(lambda: helper.complaints, "it complains")
        replace_file(folder / "rules", RULES.replace("include more\n", "").encode())
        wait_until(lambda: "tests.objects" in helper.ask(query(2)), "there are rules")


def write_database(path, seed):
    """Places of all addresses of 198.51.100.0/24; the same seed, the same places."""
    chance = random.Random(seed)
    places = [(chance.uniform(-90, 90), chance.uniform(-180, 180)) for _ in range(5)]
    mmdb.write(path, [(f"198.51.100.{number}/32", chance.choice(places)) for number in range(256)]
               + [("2001:db8::/32", places[0])])


def question(client, caching="x", forwarded="-"):
    return f"{GEO}/{caching}/a,b {client} GET - {forwarded}"


def test_a_missing_database_is_complained_about_once(rules, folder):
    replace_file(rules, f"geo host s1 database {folder}/geo.mmdb\n".encode())
    with Helper(PROGRAM, "--file", rules) as helper:
        for _ in range(3):
            assert "/geo.replica.internal/0/198.51.100.1/" in helper.ask(question("198.51.100.1"))
            time.sleep(0.6)
        wait_until(lambda: helper.complaints, "it complains")
        assert len(helper.complaints) == 1 and "geo.mmdb" in helper.complaints[0]


def test_missing_headers_are_complained_about_once(rules):
    with Helper(PROGRAM, "--file", rules) as helper:
        for _ in range(3):
            assert helper.ask(f"{GEO}/x/a 192.0.2.7 GET") == "ERR"
        wait_until(lambda: helper.complaints, "it complains")
        assert len(helper.complaints) == 1 and "store_id_extras" in helper.complaints[0]


def test_places_are_those_of_the_database_in_its_place(rules, folder):
    def keys(caching="x"):
        return [helper.ask(question(client, caching)) for client in clients]

    def expect_own_keys():
        """As long as the database has not been there for so long."""
        assert (len(set(keys())) == len(clients)
                or time.monotonic() - written >= SETTLE_SECONDS - 1)

    path = folder / "geo.mmdb"
    clients = [str(address) for address in ipaddress.ip_network("198.51.100.0/24")]
    clients += ["2001:db8::1", "2001:db8::2"]
    written = time.monotonic()
    write_database(path, 1)
    replace_file(rules, f"geo host s1 database {path}\n".encode())
    with Helper(PROGRAM, "--file", rules) as helper:
        # Servers may not have opened it yet.
        expect_own_keys()
        time.sleep(SETTLE_SECONDS)
        wait_until(lambda: len(set(keys())) == 5, "places are shared")
        assert "192.0.2.1" in helper.ask(question("192.0.2.1")), "a place nobody knows"
        # For whom it was forwarded does not count if the last proxy's place is known.
        assert helper.ask(question(clients[0], "x", "10.0.0.1, 10.0.0.2")) == keys()[0]
        assert helper.ask(question("192.0.2.1", "x", "10.0.0.1")) == "ERR"
        # An address for a caching string says where its sender is.
        assert len({helper.ask(question("192.0.2.1", client)) for client in clients}
                   | set(keys())) == 5
        assert len(set(keys("192.0.2.9"))) == 5 and not set(keys("192.0.2.9")) & set(keys())
        assert len(set(keys("squid.example.net"))) == 5
        before = keys()
        written = time.monotonic()
        write_database(path, 2)
        expect_own_keys()
        time.sleep(SETTLE_SECONDS)
        wait_until(lambda: len(set(keys())) == 5, "the new places are shared")
        assert not set(keys()) & set(before), "of another version"
        middle = keys()
        # Servers keep what they have then.
        replace_file(path, b"no database")
        time.sleep(SETTLE_SECONDS)
        wait_until(lambda: helper.ask(question("192.0.2.1")) and helper.complaints, "it complains")
        assert keys() == middle
    with Helper(PROGRAM, "--file", rules) as helper:
        assert len(set(keys())) == len(clients)


@pytest.mark.parametrize("name", ["store-id-accelerator.conf", "store-id-site-proxy.conf"])
def test_the_shipped_rules_are_sound(name):
    run = subprocess.run([FOLDER / PROGRAM, "--check", TOP / "conf" / "squid" / name],
                         capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_check_names_file_and_line(rules):
    run = subprocess.run([FOLDER / PROGRAM, "--check", rules], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, f"{rules}: 3 rules\n")
    (rules.parent / "more").write_text("\ngroup a host b\n")
    run = subprocess.run([FOLDER / PROGRAM, "--check", rules], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == f"{rules.parent}/more:2: there is no repository\n"


def explain(rules, *words, stdin=None):
    run = subprocess.run([FOLDER / PROGRAM, "--explain", *words, "--file", rules], input=stdin,
                         capture_output=True, text=True)
    return run.returncode, run.stdout


def test_explain_says_the_key_and_which_line_makes_it(rules):
    code, text = explain(rules, f"http://x/cvmfs/a.example.org/{OBJECT}")
    assert code == 0
    assert text == (f"{rules.parent}/more:1: http://other.objects.replica.internal/{OBJECT}\n"
                    f"  not {rules}:2: its repository is another\n")
    code, text = explain(rules, f"http://x/cvmfs/alias/{OBJECT}")
    assert code == 1
    assert text == ("no key: its host and repository are in no group\n"
                    f"  not {rules}:2: its host is another\n"
                    f"  not {rules.parent}/more:1: its repository is another\n")
    assert explain(rules, f"{GEO}/x/a", "192.0.2.1") == (
        0, f"{rules}:4: http://geo.replica.internal/0/192.0.2.1/a\n")
    assert explain(rules, f"{GEO}/x/a", "127.0.0.1") == (
        1, f"{rules}:4: no key: the geo line is not for this client\n")
    assert explain(rules, "http://x/") == (
        1, "no key: it is neither an object nor a question to the geo API\n")
    assert explain(rules, "a", "b", "c")[0] == 2


def test_explain_says_for_many_lines_what_the_helper_answers(rules):
    asked = [(line.split()[0], expected) for line, expected in GOLDEN if line.endswith(ASKED)]
    code, text = explain(rules, "-", stdin="".join(f"{url} 192.0.2.7\n" for url, _ in asked))
    assert code == 0
    for (_, expected), line in zip(asked, text.splitlines(), strict=True):
        assert ("no key: " in line) == (expected is None)
        if expected is not None:
            assert line.split(": ")[1] == reply(expected).split('"')[1]
