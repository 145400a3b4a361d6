# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a temporary folder, a storage tree, httpd with the module."""

import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import tempfile

import pytest

from cli import IS_ROOT, Site
from origin import Origin
from replica import Published
from servers import SANITIZED, Httpd, wait_until
from snapshotd import Fleet, Snapshotd
from tree import Tree
from uploads import SMALL_CHUNKS, UploadSite

# The script that it runs starts httpd as everybody does, without the sanitizers' libraries.
collect_ignore = ["test_quickstart.py"] if SANITIZED else []


def make_folder():
    """Unlike pytest's own, one that httpd's user may enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="replica-"))
    folder.chmod(0o755)
    return folder


def remove_folder(path):
    """Processes that are ending may still make and remove files in it."""
    def is_gone():
        shutil.rmtree(path, ignore_errors=True)
        return not path.exists()

    wait_until(is_gone, f"{path} is removed")


@contextlib.contextmanager
def memory_folder():
    """One that costs the disk nothing, where the machine has such a place."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = pathlib.Path(tempfile.mkdtemp(prefix="replica-", dir=memory))
    try:
        yield path
    finally:
        remove_folder(path)


@pytest.fixture
def folder():
    path = make_folder()
    yield path
    remove_folder(path)


@pytest.fixture
def tree(folder):
    return Tree(folder / "tree")


@pytest.fixture
def repository(tree):
    return tree.add_repository()


@pytest.fixture
def start_httpd(folder, tree):
    """A function that starts httpd with the directive for the tree and with CONFIG."""
    started = []

    def start(config="", **options):
        server = Httpd(folder / f"httpd{len(started)}", f"Replica {tree.confdir}\n{config}",
                       **options)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def httpd(start_httpd):
    return start_httpd()


@pytest.fixture(scope="module")
def shared():
    """One server for tests that only read: .tree, .repository, .httpd."""
    class Shared:
        pass

    path = make_folder()
    shared = Shared()
    shared.tree = Tree(path / "tree")
    shared.repository = shared.tree.add_repository()
    shared.httpd = Httpd(path / "httpd", f"Replica {shared.tree.confdir}").start()
    yield shared
    shared.httpd.stop()
    remove_folder(path)


@pytest.fixture(scope="module")
def published():
    """A repository with one revision, its key readable by anybody; only to be read."""
    path = make_folder()
    repository = Published(path / "published", "sw.example.net")
    repository.key.chmod(0o644)
    yield repository
    remove_folder(path)


@pytest.fixture
def origin(published):
    """A server of that repository: origin.url(published.fqrn)."""
    server = Origin({published.fqrn: published.storage}, random.Random(1))
    yield server
    server.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 and its key, in one file."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", file,
                    "-out", f"{file}.crt", "-subj", "/CN=127.0.0.1", "-days", "2",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + file.with_name("server.pem.crt").read_bytes())
    return file


@pytest.fixture
def fleet(folder):
    """Replicas for a daemon to look after; none yet."""
    fleet = Fleet(folder)
    yield fleet
    fleet.origin.close()


@pytest.fixture
def daemon(fleet):
    """One for that fleet, to be started."""
    daemon = Snapshotd(fleet)
    yield daemon
    daemon.close()


@pytest.fixture
def make_uploads(folder):
    """The same for one test: a function that takes options of mkfs and settings."""
    sites = []

    def start(*mkfs, **settings):
        site = UploadSite(folder / "uploads", *(mkfs or ("-z", "-g", "-Z", "none")))
        sites.append(site)
        site.configure(**{**SMALL_CHUNKS, **settings})
        return site.start()

    yield start
    for site in sites:
        site.close()


@pytest.fixture(scope="module")
def shared_uploads():
    """A function that makes and starts a repository for uploads, with options of mkfs."""
    started = []

    def start(*mkfs, repository=None, **settings):
        site = UploadSite(make_folder(), *mkfs, **settings)
        started.append(site)
        site.configure(**(repository or {}))
        return site.start()

    yield start
    for site in started:
        site.close()
        remove_folder(site.folder)


@pytest.fixture
def site(folder):
    return Site(folder / "site")


@pytest.fixture
def own_site(folder):
    """A site whose commands are run by an ordinary user, who owns it."""
    return Site(folder / "own", user="nobody" if IS_ROOT else None)
