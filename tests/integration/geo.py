# SPDX-License-Identifier: Apache-2.0
"""What the tests of the geo API share: a server's database, hosts file and questions."""

import mmdb
from tree import replace_file

API = "/cvmfs/any.example.net/api/v1.0/geo"
DATABASE = "GeoLite2-City.mmdb"


def add_geo(tree, hosts="", **settings):
    """Give TREE the standard database and, unless HOSTS is None, a hosts file, so that no
    nameserver is asked. Returns the database's path."""
    database = tree.folder / DATABASE
    if not database.exists():
        mmdb.write_standard(database)
    if hosts is not None:
        write_hosts(tree, hosts)
        settings = {"REPLICA_GEO_HOSTS_FILE": tree.folder / "hosts", **settings}
    tree.configure_server(**{"CVMFS_UPDATEGEO_DIR": tree.folder, **settings})
    return database


def write_hosts(tree, text):
    replace_file(tree.folder / "hosts", text.encode())


def question(elements, caching="x"):
    return f"{API}/{caching}/{elements}"


def ask(httpd, elements, caching="x", **headers):
    """The response to a list; headers are written with _ for -."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpd.fetch(question(elements, caching), headers=names)


def order(httpd, elements, caching="x", **headers):
    """The answer as text without its LF, or status and reason."""
    response = ask(httpd, elements, caching, **headers)
    text = response.body.decode()
    assert text.endswith("\n") and "\r" not in text and text.count("\n") == 1, text
    return text[:-1] if response.status == 200 else f"{response.status} {text[:-1]}"


def lookups(httpd):
    return int(httpd.fetch(f"{API}/_namelookups_/").body)
