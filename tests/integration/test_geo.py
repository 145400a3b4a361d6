# SPDX-License-Identifier: Apache-2.0
"""/cvmfs/<any name>/api/: what is answered, byte for byte."""

import http.client
import random
import shutil

import pytest

import loops
import mmdb
from checks import assert_head_equals_get, assert_plain, assert_read_only
from conftest import make_folder
from geo import API, DATABASE, add_geo, ask, order, question
from mmdb import A, B, CERN, FNAL, IHEP, IPV6_ONLY, L, NOWHERE, RAL, UNKNOWN
from servers import DEADLINE_SECONDS, Httpd
from tree import Tree

HOSTS = f"""# names of the tests
{CERN} cern.example.net
{FNAL} fnal.example.net  fnal-too.example.net
{IHEP} ihep.example.net
{RAL} ral.example.net
{B} proxy.example.net single
{NOWHERE} nowhere.example.net
{UNKNOWN} unknown.example.net
{IPV6_ONLY} v6.example.net
"""
NO_ORIGIN = "400 Bad Request: remote addr not found in database"
NO_SERVER = "400 Bad Request: no server addr found in database"


@pytest.fixture(scope="module")
def httpd():
    """A server with database and hosts file, for questions alone."""
    folder = make_folder()
    tree = Tree(folder / "tree")
    add_geo(tree, HOSTS)
    server = Httpd(folder / "httpd", f"Replica {tree.confdir}").start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def start_geo(tree, start_httpd):
    """A function that starts a server with settings of its own."""
    def start(hosts=HOSTS, config="", **settings):
        add_geo(tree, hosts, **settings)
        return start_httpd(config)
    return start


# From the reference, with the peer at L.
GOLDEN = [
    (f"{A},{B}", "1,2"), (f"{B},{A}", "2,1"), (f"{A},nosuch,nosuch2,{A},{L}", "5,1,4,2,3"),
    (f"nosuch,{A}", "2,1"), (f"{A},", "1,2"), (f"{A},+PXYSEP+,{B}", "1,3,2"),
    (f"{A},{L},+PXYSEP+,{B},{A}", "1,2,5,4,3"), (f"{A},+PXYSEP+", "1,2"),
    (f"{A},nosuch,+PXYSEP+,nosuch3", "1,2,4,3"), (f"+PXYSEP+,{B}", NO_SERVER),
    (f"nosuch,+PXYSEP+,{A}", NO_SERVER)]


@pytest.mark.parametrize("elements,answer", GOLDEN)
def test_the_golden_cases(httpd, elements, answer):
    assert order(httpd, elements) == answer


def test_the_golden_cases_with_headers(httpd):
    assert order(httpd, f"{A},{B}", caching=B) == "2,1"
    assert order(httpd, f"{A},{B},{L}", X_Forwarded_For=f"{A}, {B}") == "2,3,1"
    assert order(httpd, f"{A},{B},{L}", X_Forwarded_For=f"{B},{A}") == "1,3,2"
    assert order(httpd, f"{A},{B},{L}", X_Forwarded_For=UNKNOWN) == "3,1,2"


@pytest.mark.parametrize("elements,answer", [
    ("cern.example.net,fnal.example.net,ihep.example.net", "1,2,3"),
    ("ihep.example.net,FNAL.Example.Net.,cern.example.net", "3,2,1"),
    ("v6.example.net,cern.example.net", "2,1"),
    (f"[{IPV6_ONLY}],{A},{IPV6_ONLY}", "2,1,3"),
    ("fnal.example.net%2Ccern.example.net", "2,1"),
    ("fnal.example.net,%2BPXYSEP%2B,cern.example.net", "1,3,2"),
    ("unknown.example.net,nowhere.example.net,ral.example.net", "3,1,2"),
    ("a/b,ral.example.net", "2,1"), ("[::1],ral.example.net", "2,1"),
    ("under_score,ral.example.net", "2,1"), (f"{'a' * 300},ral.example.net", "2,1"),
    ("%01,ral.example.net", "2,1"), ("%ff%fe,ral.example.net", "2,1"),
    (",".join(["ral.example.net"] * 12), "1,2,3,4,5,6,7,8,9,10,11,12")])
def test_lists_and_their_answers(httpd, elements, answer):
    assert order(httpd, elements) == answer


def test_an_answer_has_these_headers_and_no_others_about_caching(httpd):
    response = ask(httpd, f"{B},{A}")
    assert (response.status, response.body) == (200, b"2,1\n")
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["content-length"] == "4"
    assert response.headers["cache-control"] == "max-age=3600"
    assert "expires" not in response.headers and "retry-after" not in response.headers
    assert_plain(response)
    assert_head_equals_get(httpd, question(f"{B},{A}"))
    assert_read_only(httpd, question(f"{B},{A}"))


@pytest.mark.parametrize("path,reason", [
    ("/cvmfs/x/api/x/geo/x/a", "malformed api URL: /x/x/geo/x/a"),
    ("/cvmfs/x/api/v1.0/geo", "malformed api URL: /x/v1.0/geo"),
    ("/cvmfs/x/api/v1.0", "malformed api URL: /x/v1.0"),
    ("/cvmfs/x/api/", "malformed api URL: /x/"),
    ("/cvmfs/x/api/1/%3Cb%3E%0D%0A%C3%A9/a",
     "malformed api URL: /x/1/<b>????/a"),
    ("/cvmfs/x/api/v1.0/geos/x/a", "unrecognized api function"),
    ("/cvmfs/x/api/v1.0/geo/x", "no slash in geo path"),
    ("/cvmfs/x/api/v1.0/geo/", "no slash in geo path"),
    ("/cvmfs/x/api/v1.0/geo/x/", "no server addr found in database"),
    ("/cvmfs/x/api/v1.0/geo/x/nosuch", "no server addr found in database"),
    ("/cvmfs/x/api/v1.0/geo//a", "no slash in geo path")])
def test_the_error_table(httpd, path, reason):
    response = httpd.fetch(path)
    assert (response.status, response.body.decode()) == (400, f"Bad Request: {reason}\n")
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-length"] == str(len(response.body))
    assert response.headers["cache-control"] == "max-age=300"
    assert "expires" not in response.headers
    assert_plain(response)
    assert_head_equals_get(httpd, path)


@pytest.mark.parametrize("path", [
    f"/cvmfs/x/api/v/geo/x/{B},{A}", f"/cvmfs/x/api/v2.7/geo/x/{B},{A}",
    f"/cvmfs/x//api/v1.0//geo/x/{B},{A}", f"//cvmfs//x/api//v1.0/geo/x//{B},{A}",
    f"/cvmfs/no.such.repository/api/v1.0/geo/x/{B},{A}",
    f"/cvmfs/_odd%20name/api/v1.0/geo/x/{B},{A}",
    f"/cvmfs/x/api/v1.0/geo/{'0' * 300}/{B},{A}",
    f"/cvmfs/x/api/v1.0/geo/x/{B},{A}?", f"/cvmfs/x/api/v1.0/geo/x/{B},{A}?x=y&a,b"])
def test_urls_that_mean_the_same(httpd, path):
    assert httpd.fetch(path).body == b"2,1\n"


def test_an_encoded_slash_is_not_found(httpd):
    assert httpd.fetch(f"/cvmfs/x/api/v1.0/geo/x%2F{A}").status == 404


def test_the_connection_survives_answers_and_their_order(httpd):
    connection = http.client.HTTPConnection("127.0.0.1", httpd.port, timeout=DEADLINE_SECONDS)
    for elements, body in ((f"{A},{B}", b"1,2\n"), (f"{B},{A}", b"2,1\n")):
        connection.request("GET", question(elements))
        response = connection.getresponse()
        assert response.getheader("connection") is None and response.read() == body
    connection.close()


def test_caching_strings(httpd):
    """Names and addresses count, whoever asks; words and numbers of clients do not."""
    servers = "cern.example.net,ihep.example.net"
    for caching in ("proxy.example.net", B, f"[{IHEP}]"):
        assert order(httpd, servers, caching) == "2,1", caching
        assert order(httpd, servers, caching, CF_Connecting_IP="bogus") == "2,1"
        assert order(httpd, servers, caching, X_Forwarded_For=CERN) == "2,1"
    for caching in ("single", "x", "nosuch.example.net", "unknown.example.net", ".proxy",
                    "nowhere.example.net", "123e4567-e89b-12d3-a456-426614174000"):
        assert order(httpd, servers, caching) == "1,2", caching
        assert order(httpd, servers, caching, X_Forwarded_For=IHEP) == "2,1", caching


def test_single_labels_are_names_if_one_wants(start_geo):
    httpd = start_geo(HOSTS + f"{B} x 123e4567-e89b-12d3-a456-426614174000\n",
                      REPLICA_GEO_RESOLVE_SINGLE_LABEL="yes")
    assert order(httpd, f"{L},{B}", "single") == "2,1"
    assert order(httpd, f"{L},{B}", "x") == "1,2"
    assert order(httpd, f"{L},{B}", "123e4567-e89b-12d3-a456-426614174000") == "1,2"


@pytest.mark.parametrize("forwarded,answer", [
    (B, "2,3,1"), (f"{A}, {B}", "2,3,1"), (f"{A},{B}", "2,3,1"), (f"{B}, {A}", "1,3,2"),
    (f"{B}, 127.0.0.1", "2,3,1"), ("127.0.0.1", "3,1,2"), ("unknown", "3,1,2"),
    (f"{B}, unknown", "2,3,1"), ("", "3,1,2"), (",", "3,1,2"), (UNKNOWN, "3,1,2"),
    (f"{B}, {UNKNOWN}", "2,3,1"), (NOWHERE, "3,1,2"), ("proxy.example.net", "3,1,2"),
    (f"::ffff:{B}", "2,3,1"), (f"{B}:80", "3,1,2"), (",".join(["x"] * 2000), "3,1,2")])
def test_what_a_trusted_proxy_forwards(httpd, forwarded, answer):
    assert order(httpd, f"{A},{B},{L}", X_Forwarded_For=forwarded) == answer


def test_a_stranger_is_not_believed(start_geo):
    httpd = start_geo(REPLICA_GEO_TRUSTED_PROXIES="192.0.2.200/32")
    for headers in ({"X_Forwarded_For": B}, {"CF_Connecting_IP": B}, {"X_Forwarded_For": L},
                    {"X_Forwarded_For": "127.0.0.1"}):
        assert order(httpd, f"{A},{B},{L}", **headers) == "3,1,2", headers


def test_the_general_trust_is_the_default(start_geo):
    httpd = start_geo(REPLICA_TRUSTED_PROXIES="192.0.2.200/32")
    assert order(httpd, f"{A},{B},{L}", X_Forwarded_For=B) == "3,1,2"


def test_anybody_may_be_believed(start_geo):
    """As the reference does it, which takes one element and nothing else."""
    httpd = start_geo(REPLICA_GEO_TRUST_FORWARDED="any",
                      REPLICA_GEO_TRUSTED_PROXIES="192.0.2.200/32")
    for forwarded, answer in ((B, "2,3,1"), (f"{A}, {B}", "2,3,1"), (f"{B},{A}", "1,3,2"),
                              (f"{B}, unknown", "3,1,2"), (f"{A} {B}", "2,3,1"),
                              (f"{B}, {UNKNOWN}", "3,1,2"), (f"x, {A},{B}", "3,1,2")):
        assert order(httpd, f"{A},{B},{L}", X_Forwarded_For=forwarded) == answer, forwarded
    assert order(httpd, f"{A},{B},{L}", CF_Connecting_IP=B, X_Forwarded_For=A) == "2,3,1"


def test_content_delivery_networks(start_geo):
    """Their header comes first, and a host may say where it really is."""
    httpd = start_geo(HOSTS + f"{IHEP} ip.cern.example.net ip.{A} ip.\n",
                      REPLICA_GEO_CDN_HEADERS="X-Edge CF-Connecting-IP")
    servers = "cern.example.net,fnal.example.net"
    assert order(httpd, servers) == "1,2"
    assert order(httpd, servers, CF_Connecting_IP=L) == "2,1"
    assert order(httpd, servers, CF_Connecting_IP="bogus") == "2,1"
    assert order(httpd, servers, CF_Connecting_IP=B) == "1,2"
    assert order(httpd, servers, X_Edge=UNKNOWN, CF_Connecting_IP=B) == "1,2"
    assert order(httpd, servers, X_Edge=B, X_Forwarded_For=A) == "1,2"
    assert order(httpd, servers, CF_Connecting_IP="bogus", X_Forwarded_For=B) == "1,2"
    assert order(httpd, f"{A},{L},", X_Edge=L) == "2,1,3"
    # Proxies are taken by their own names.
    assert order(httpd, f"{L},{B},+PXYSEP+,cern.example.net", X_Edge=B) == "1,2,4,3"


def test_no_origin_at_all(start_geo, tree):
    mmdb.write(tree.folder / DATABASE, [(f"{A}/32", (41.8, -88.3))])
    httpd = start_geo()
    assert order(httpd, A) == NO_ORIGIN
    assert order(httpd, "nosuch") == NO_ORIGIN
    assert order(httpd, A, X_Forwarded_For=A) == "1"


def test_without_a_database(tree, start_httpd):
    tree.configure_server(CVMFS_UPDATEGEO_DIR=tree.folder)
    httpd = start_httpd()
    response = ask(httpd, A)
    assert response.status == 503
    assert response.body == b"Service Unavailable: no geo database\n"
    assert response.headers["retry-after"] == "300"
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["cache-control"] == "no-store"
    assert_head_equals_get(httpd, question(A))
    # What is wrong with the question is said first.
    assert httpd.fetch(f"{API}/x").body == b"Bad Request: no slash in geo path\n"
    assert httpd.fetch(f"{API}/_namelookups_/").body == b"0\n"
    assert "GeoLite2-City.mmdb" in httpd.log_text()


def test_the_count_of_lookups(httpd):
    for path in (f"{API}/_namelookups_/", f"{API}/_namelookups_/a,b"):
        response = httpd.fetch(path)
        assert response.status == 200 and response.body.strip().isdigit()
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"] == "text/plain"


@pytest.mark.parametrize("setting,reason", [
    ("REPLICA_GEO_TRUST_FORWARDED=all", "'all' is neither trusted nor any"),
    ("REPLICA_GEO_TRUSTED_PROXIES=squid", "REPLICA_GEO_TRUSTED_PROXIES: 'squid'"),
    ("REPLICA_GEO_CDN_HEADERS='a b:'", "REPLICA_GEO_CDN_HEADERS: 'b:'"),
    ("REPLICA_GEO_NAMESERVERS=resolver", "REPLICA_GEO_NAMESERVERS"),
    ("REPLICA_GEO_TIMEOUT=0", "REPLICA_GEO_TIMEOUT"),
    ("REPLICA_GEO_CACHE_SIZE=1", "REPLICA_GEO_CACHE_SIZE")])
def test_a_bad_setting_stops_httpd(tree, folder, setting, reason):
    (tree.confdir / "server.local").write_text(setting + "\n")
    assert reason in Httpd(folder / "httpd", f"Replica {tree.confdir}").check()


@pytest.mark.parametrize("mpm", ["prefork", "worker"])
def test_with_other_mpms(tree, start_httpd, mpm):
    add_geo(tree, HOSTS)
    httpd = start_httpd(mpm=mpm)
    assert {order(httpd, f"{B},cern.example.net") for _ in range(20)} == {"2,1"}
    httpd.graceful()
    assert {order(httpd, f"{B},cern.example.net") for _ in range(20)} == {"2,1"}


def test_virtual_hosts_have_their_own(tree, folder, start_httpd):
    other = Tree(folder / "other")
    add_geo(tree, f"{CERN} s.example.net\n")
    add_geo(other, f"{IHEP} s.example.net\n")
    httpd = start_httpd("<VirtualHost *>\nServerName localhost\n</VirtualHost>\n"
                        "<VirtualHost *>\nServerName other.example.net\n"
                        f"Replica {other.confdir}\n</VirtualHost>")
    for _ in range(5):
        assert order(httpd, f"{A},s.example.net", Host="localhost") == "2,1"
        assert order(httpd, f"{A},s.example.net", Host="other.example.net") == "1,2"


def random_list(source):
    names = [A, B, L, CERN, IPV6_ONLY, UNKNOWN, NOWHERE, "cern.example.net", "single", "nosuch",
             "nosuch.example.net", "", "+PXYSEP+", "%2BPXYSEP%2B", "[::1]", "a_b", "%01", "%FF",
             "-", "a..b", "a.", "x" * 15, "1.2.3", "0x7f.1", "300.1.1.1"]
    count = source.choice((1, 2, 3, 5, 20, 400))
    return [source.choice(names) for _ in range(count)]


def test_any_answer_is_a_permutation_or_a_reason(httpd):
    source = random.Random(3)
    for _ in range(loops.count("GEO_LISTS")):
        elements = random_list(source)
        headers = {}
        if source.random() < 0.3:
            headers["X_Forwarded_For"] = ",".join(random_list(source)[:5])
        if source.random() < 0.3:
            headers["CF_Connecting_IP"] = source.choice(random_list(source))
        caching = source.choice(["x", B, "nosuch.example.net", "cern.example.net"])
        answer = order(httpd, ",".join(elements), caching, **headers)
        if answer.startswith("400 "):
            assert answer in (NO_ORIGIN, NO_SERVER), elements
            continue
        assert sorted(map(int, answer.split(","))) == list(range(1, len(elements) + 1))
        assert answer == order(httpd, ",".join(elements), caching, **headers)


def test_a_list_as_long_as_a_request_may_be(httpd):
    elements = [A, B] + [""] * 7900
    answer = order(httpd, ",".join(elements)).split(",")
    assert answer == [str(number) for number in range(1, len(elements) + 1)]
