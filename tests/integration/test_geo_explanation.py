# SPDX-License-Identifier: Apache-2.0
"""?ip=: why the geo API answers what it answers, for callers on the machine itself."""

import shutil

import pytest

from conftest import make_folder
from geo import DATABASE, add_geo, question
from mmdb import A, B, CERN, L, UNKNOWN
from servers import Httpd
from tree import Tree

HOSTS = f"{B} proxy.example.net\n{CERN} cern.example.net\n"


@pytest.fixture(scope="module")
def httpd():
    folder = make_folder()
    tree = Tree(folder / "tree")
    add_geo(tree, HOSTS)
    server = Httpd(folder / "httpd", f"Replica {tree.confdir}").start()
    server.tree = tree
    yield server
    server.stop()
    shutil.rmtree(folder)


def explain(httpd, elements, query, caching="x", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpd.fetch(f"{question(elements, caching)}?{query}", headers=names)
    assert response.status == 200
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    return response.body.decode()


def test_the_normal_choice(httpd):
    text = explain(httpd, f"{A},{B},nosuch.example.net", "ip=")
    assert "answer: 1,2,3\n" in text
    assert "origin: peer 127.0.0.1, at 46.2000 6.1000\n" in text
    assert "not used: caching string x: not a name with a dot\n" in text
    assert f"1 host {A}: address, {A}, at 41.8000 -88.3000, 1.1" in text and " km\n" in text
    assert "3 host nosuch.example.net: name, " in text and ", unknown\n" in text
    assert f"  {httpd.tree.folder}/{DATABASE}\n" in text
    assert "database, built Thu, 09 Oct 2025" in text
    assert text.index(f"host {A}") < text.index(f"host {B}") < text.index("host nosuch")


def test_in_the_place_of_another_client(httpd):
    text = explain(httpd, f"{A},{B}", f"ip={B}")
    assert "answer: 2,1\n" in text and f"origin: ?ip= {B}, at 40.0000 116.0000\n" in text
    assert "answer: 2,1\n" in explain(httpd, f"{A},{B}", f"a=b&ip=%3A%3Affff%3A{B}&c")
    text = explain(httpd, f"{A},{B}", f"ip={UNKNOWN}")
    assert "answer: 400 remote addr not found in database\n" in text
    assert f"not used: ?ip= {UNKNOWN}: not in the database\n" in text


def test_a_name_is_the_origin_first(httpd):
    text = explain(httpd, f"{A},{B}", f"ip={A}", "proxy.example.net")
    assert "answer: 2,1\n" in text
    assert f"origin: caching string proxy.example.net {B}, at 40.0000 116.0000\n" in text
    text = explain(httpd, f"{A},{B}", "ip=", "nosuch.example.net")
    assert "not used: caching string nosuch.example.net: not found\n" in text


def test_separators_and_networks(httpd):
    text = explain(httpd, f"cern.example.net,{A},+PXYSEP+,{B}", "ip=", CF_Connecting_IP="bogus")
    assert "not used: CF-Connecting-IP bogus: not an address\n" in text
    assert "host ip.cern.example.net: name" in text
    assert f"4 proxy {B}: address" in text and "3 separator\n" in text
    assert "hosts are sorted by their distance from 40.0000 116.0000\n" in text


def test_nothing_that_was_sent_is_repeated_as_it_is(httpd):
    text = explain(httpd, "%0D%0A%3Cb%3E%FF", "ip=")
    assert "\\x0d\\x0a<b>\\xff" in text


def test_what_is_no_address(httpd):
    for query in ("ip=a.example.net", "ip=1.2.3", "ip=%", "ip=%00", "ip=127.0.0.1/8"):
        response = httpd.fetch(f"{question(A)}?{query}")
        assert response.status == 400 and b"needs an IPv4 or IPv6 address" in response.body


def test_it_is_for_local_callers_alone(httpd):
    for headers in ({"X-Forwarded-For": L}, {"X-Forwarded-For": "127.0.0.1"},
                    {"Via": "1.1 squid"}):
        for query in (f"ip={B}", "ip=", "ip=bogus"):
            response = httpd.fetch(f"{question(f'{A},{B}')}?{query}", headers=headers)
            assert response.body == b"1,2\n"
            assert response.headers["cache-control"] == "max-age=3600"
