# SPDX-License-Identifier: Apache-2.0
"""replicactl proxy-config: what it prints is what is shipped, Squid takes it without a word, and
only those helpers are in it that the rules need."""

import itertools
import re
import shutil
import subprocess

import pytest

from replica import REPLICACTL
from squid import SHIPPED, Squid

KINDS = ("accelerator", "site-proxy")
HELPERS = ("policy", "store-id", "rewrite")
DIRECTIVES = {"policy": "external_acl_type", "store-id": "store_id_program",
              "rewrite": "url_rewrite_program"}
STORE_ID = "group trusted host *.example.org repository *.example.org\n"
GEO = "geo host s1.example.org\n"


class Place:
    """The root of a host: what stands in its /etc/squid."""

    def __init__(self, folder):
        self.folder = folder
        self.rules = folder / "etc/squid"
        self.rules.mkdir(parents=True)
        self.helpers = folder / "helpers"
        self.helpers.mkdir()
        for name in HELPERS:
            # Squid looks whether they are there.
            (self.helpers / f"replica-{name}").write_text("#!/bin/sh\nexec cat\n")
            (self.helpers / f"replica-{name}").chmod(0o755)

    def write(self, helper, text):
        (self.rules / f"replica-{helper}.conf").write_text(text)

    def print(self, *arguments, code=0):
        done = subprocess.run([REPLICACTL, "proxy-config", *map(str, arguments), "--root",
                               self.folder], capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        self.note = done.stderr
        assert (done.stdout == "") == (code != 0)
        return done.stdout if code == 0 else done.stderr

    def parse(self, text):
        """What Squid has to say about it."""
        folder = self.folder / "squid"
        shutil.rmtree(folder, ignore_errors=True)
        return Squid(folder, None, 8080, text).parse()


@pytest.fixture
def place(folder):
    return Place(folder)


def lines_of(text, word):
    return [line for line in text.splitlines() if line.startswith(word)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_shipped_is_what_it_prints(place, kind):
    shipped = (SHIPPED / f"squid-{kind}.conf").read_text()
    for helper in ("policy", "store-id"):
        if (SHIPPED / f"{helper}-{kind}.conf").exists():
            shutil.copy(SHIPPED / f"{helper}-{kind}.conf",
                        place.rules / f"replica-{helper}.conf")
    options = re.search(rf"`replicactl proxy-config {kind}(.*)` prints", shipped)[1].split()
    printed = place.print(kind, *options)
    # Where this one would be installed is another matter.
    printed = re.sub(r" /\S+/(replica-\S+ --concurrency)", r" /usr/libexec/replica/\1", printed)
    assert printed == shipped


def combinations():
    """Options that could get into each other's way."""
    sizes = [[], ["--memory", 512, "--disk", "/var/spool/squid:50000"]]
    workers = [[], ["--workers", 2]]
    for kind, size, worker, rules in itertools.product(KINDS, sizes, workers,
                                                       (0b000, 0b001, 0b110, 0b111)):
        more = ["--port", 8000, "--port", "127.0.0.1:3128", "--port", "[::1]:3128"]
        if kind == "site-proxy":
            more += ["--network", "192.0.2.0/24", "--network", "2001:db8::/32", "--network",
                     "192.0.2.7", "--peer", "proxy.example.org:3128", "--peer", "[::1]:3128"]
        elif size:
            more += ["--peer", "s1.example.org:80"]
        yield rules, [kind, *size, *worker, *(more if rules & 1 else more[:2] + more[-2:])] \
            if size else [kind, *worker]


@pytest.mark.parametrize("rules, options", combinations(),
                         ids=lambda value: str(value).replace(" ", ""))
def test_squid_takes_it_without_a_word(place, rules, options):
    texts = ["allow kind geo\ndefault deny\n", GEO + STORE_ID,
             "rewrite host old.example.org new.example.org\n"
             "rewrite host *.example.net:8000 new.example.org\n"
             "rewrite repository sw.example.org sw.example.net\n"
             "redirect 301 path /opt/a%20b/c+ /cvmfs/sw.example.net/c\n"]
    for number, helper in enumerate(HELPERS):
        if rules >> number & 1:
            place.write(helper, texts[number])
    text = place.print(*options, "--helpers", place.helpers)
    assert [bool(lines_of(text, DIRECTIVES[helper])) for helper in HELPERS] \
        == [bool(rules >> number & 1) for number in range(3)]
    assert place.parse(text) == []
    # Squid joins lines wherever a backslash is the last byte.
    assert "\\\n" not in text.replace("\\\n    ", "")


@pytest.mark.parametrize("kind", KINDS)
def test_without_rules_there_are_no_helpers(place, kind):
    text = place.print(kind)
    for helper, directive in DIRECTIVES.items():
        assert not lines_of(text, directive)
        assert f"/etc/squid/replica-{helper}.conf" in text, "it says why"
    assert not lines_of(text, "url_rewrite") and not lines_of(text, "store_id")
    place.write("store-id", "# nothing yet\n")
    assert not lines_of(place.print(kind), "store_id")


def test_rules_of_other_places(place):
    place.write("policy", "default allow\n")
    (place.folder / "mine").write_text("default allow\n")
    assert not lines_of(place.print("accelerator", "--policy", "none"), "external_acl_type")
    text = place.print("accelerator", "--policy", "/mine")
    assert "/replica-policy --concurrency --file /mine\n" in text
    message = place.print("accelerator", "--policy", "/not-there", code=1)
    assert "/not-there" in message


def test_rules_that_are_wrong_are_shown_now(place):
    place.write("policy", "allow kind nonsense\ndefault deny\n")
    message = place.print("accelerator", code=1)
    assert "replica-policy.conf:1: " in message and "nonsense" in message


def test_what_store_id_is_asked_about(place):
    place.write("store-id", STORE_ID)
    text = place.print("accelerator")
    assert not lines_of(text, "store_id") and "objects only" in text
    assert lines_of(place.print("site-proxy"), "store_id_access") == [
        "store_id_access deny !replica_get", "store_id_access allow replica_objects",
        "store_id_access deny all"]
    place.write("store-id", STORE_ID + GEO)
    assert lines_of(place.print("accelerator"), "store_id_access") == [
        "store_id_access deny !replica_get", "store_id_access allow replica_geo",
        "store_id_access deny all"]
    assert "%{CF-Connecting-IP}>h %{X-Forwarded-For}>h" in place.print("accelerator")
    elsewhere = place.print("accelerator", "--peer", "s1.example.org:8080")
    assert "store_id_access allow replica_objects" in elsewhere
    assert "cache deny !CVMFSAPI" not in elsewhere
    place.write("store-id", "group a host b\n")
    assert "replica-store-id.conf:1: there is no repository" in place.print("accelerator", code=1)


@pytest.mark.parametrize("kind", KINDS)
def test_no_line_keeps_the_policy_from_what_it_knows(place, kind):
    place.write("policy", "default deny\n")
    place.write("rewrite", "rewrite path / /cvmfs\nrewrite path /cvmfs/ /cvmfs/x\n")
    text = place.print(kind)
    assert "replica_old_paths" not in text
    assert lines_of(text, "http_access deny !replica_policy")
    assert lines_of(text, "acl replica_moved_paths") == [
        "acl replica_moved_paths urlpath_regex ^(/|\\?|$)",
        "acl replica_moved_paths urlpath_regex ^/cvmfs(/|\\?|$)"]


def test_what_rewriting_is_asked_about(place):
    place.write("rewrite", "rewrite host old.example.org new.example.org\n"
                           "rewrite host c?.*.example.net:8000 new.example.org\n"
                           "redirect repository atlas*.old cern.ch\n"
                           "rewrite path /opt/cvmfs/ /cvmfs\n"
                           "redirect 301 path /cvmfs/x/a.b /cvmfs/x/b\n")
    text = place.print("accelerator")
    assert lines_of(text, "acl replica_old") + lines_of(text, "acl replica_moved") == [
        r"acl replica_old_paths urlpath_regex ^/opt/cvmfs(/|\?|$)",
        "acl replica_old_hosts dstdomain -n old.example.org",
        r"acl replica_old_host_names dstdom_regex -n -i ^c[^/]\.[^/]*\.example\.net$",
        r"acl replica_moved_paths urlpath_regex ^/cvmfs/atlas[^/]*\.old(/|\?|$)",
        r"acl replica_moved_paths urlpath_regex ^/opt/cvmfs(/|\?|$)",
        r"acl replica_moved_paths urlpath_regex ^/cvmfs/x/a\.b(/|\?|$)"]
    assert lines_of(text, "url_rewrite_access") == [
        "url_rewrite_access allow replica_old_hosts",
        "url_rewrite_access allow replica_old_host_names",
        "url_rewrite_access allow replica_moved_paths", "url_rewrite_access deny all"]
    assert "http_access deny !replica_paths !replica_old_paths" in text
    place.write("rewrite", "".join(f"rewrite host h{number}.example.org new.example.org\n"
                                   for number in range(100)))
    text = place.print("accelerator")
    assert lines_of(text, "url_rewrite_program") and not lines_of(text, "url_rewrite_access")


def test_a_policy_that_keeps_the_sites_clients_out_is_noted(place):
    shutil.copy(SHIPPED / "policy-site-proxy.conf", place.rules / "replica-policy.conf")
    place.print("site-proxy")
    assert place.note == ""
    place.print("site-proxy", "--network", "10.0.0.0/8", "--network", "192.0.2.0/24")
    assert re.fullmatch(r"NOTE: .*replica-policy.conf:8 denies what clients of 192.0.2.0/24 ask .*\n",
                        place.note)
    place.write("policy", "allow client 127.0.0.1,192.0.2.0/24\ndefault deny\n")
    place.print("site-proxy", "--network", "192.0.2.0/24")
    assert place.note == ""
    place.print("site-proxy", "--network", "2001:db8::/32")
    assert "clients of 2001:db8::/32" in place.note


def test_no_name_is_looked_up_that_may_be_dead(place):
    assert lines_of(place.print("site-proxy"), "http_access deny to_") \
        == ["http_access deny to_localhost"]
    assert "to_localhost" not in place.print("site-proxy", "--peer", "proxy.example.org:3128")
    place.write("rewrite", "rewrite host old.example.org new.example.org\n")
    text = place.print("site-proxy")
    assert "http_access deny !replica_old_hosts to_localhost\n" in text
    assert text.count("acl replica_old_hosts ") == 1
    assert text.index("acl replica_old_hosts ") < text.index("deny !replica_old_hosts")


def test_networks_within_others_are_left_out(place):
    text = place.print("site-proxy", "--network", "10.1.0.0/16", "--network", "10.0.0.0/8",
                       "--network", "10.2.3.4", "--network", "2001:db8::/32")
    assert lines_of(text, "acl localnet") == ["acl localnet src 10.0.0.0/8",
                                              "acl localnet src 2001:db8::/32"]


def test_sizes_and_names(place):
    text = place.print("site-proxy", "--memory", "3000", "--disk", "/var/cache:9000",
                       "--workers", "3", "--name", "proxy.example.org")
    for line in ("cache_mem 3000 MB", "cache_dir rock /var/cache 9000", "workers 3",
                 "visible_hostname proxy.example.org"):
        assert line in text.splitlines()
    assert text.index("maximum_object_size 1024 MB") < text.index("cache_dir rock")
    memory = int(re.search(r"^cache_mem (\d+) MB$", place.print("site-proxy"), re.M)[1])
    with open("/proc/meminfo", encoding="ascii") as file:
        machine = int(file.readline().split()[1]) // 1024
    assert 0.2 * machine < memory <= 0.3 * machine or memory == 128


@pytest.mark.parametrize("options, words", [
    ([], "accelerator or site-proxy"),
    (["proxy"], "accelerator or site-proxy"),
    (["accelerator", "--prot", 1], "--prot: no such option"),
    (["accelerator", "80"], "'80' is no option"),
    (["accelerator", "--port", 0], "--port 0: give a number from 1 to 65535"),
    (["accelerator", "--port", "80 deny"], "--port 80 deny: "),
    (["accelerator", "--port", "80", "--port", "80"], "--port 80 is there twice"),
    (["accelerator", "--network", "10.0.0.0/8"], "/etc/squid/replica-policy.conf"),
    (["accelerator", "--peer", "a:1", "--peer", "b:1"], "CVMFS_SERVER_URL"),
    (["accelerator", "--peer", "8080"], "--peer 8080: give HOST:PORT"),
    (["accelerator", "--peer", "a b:80"], "--peer a b:80: give HOST:PORT"),
    (["accelerator", "--disk", "/var/spool/squid:50000"], "--peer"),
    (["site-proxy", "--network", "10.0.0.1/8"], "bits behind the prefix"),
    (["site-proxy", "--network", "0.0.0.0/0"], "that is everybody"),
    (["site-proxy", "--network", "::/0"], "that is everybody"),
    (["site-proxy", "--network", "10.0.0.0/33"], "--network 10.0.0.0/33: give"),
    (["site-proxy", "--network", "site"], "--network site: give"),
    (["site-proxy", "--memory", "1G"], "--memory 1G: give a whole number"),
    (["site-proxy", "--memory", "0"], "--memory 0: give a whole number"),
    (["site-proxy", "--workers", "65"], "from 1 to 64"),
    (["site-proxy", "--disk", "/var/spool/squid"], "give FOLDER:MEGABYTES"),
    (["site-proxy", "--disk", "spool:50000"], "give FOLDER:MEGABYTES"),
    (["site-proxy", "--disk", "/spool:100"], "at least 2048"),
    (["site-proxy", "--helpers", "bin"], "--helpers bin: give a whole path"),
    (["site-proxy", "--policy", "/a b"], "--policy /a b: give a whole path"),
    (["site-proxy", "--policy", "/a\nhttp_access allow all"], "--policy /a\\x0a"),
    (["site-proxy", "--name", "-"], "--name -: give a host name"),
])
def test_bad_options_are_refused_with_a_way_out(place, options, words):
    assert words in place.print(*options, code=3)
