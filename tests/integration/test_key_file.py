# SPDX-License-Identifier: Apache-2.0
"""/cvmfs-meta/: public keys and certificates, and never a private key."""

import subprocess

import pytest

from checks import assert_head_equals_get, assert_missing, assert_read_only, assert_served
from replica import Published
from servers import Httpd
from stratum0 import Stratum0

NAME = "sw.example.net"


class Site:
    def __init__(self, folder):
        self.published = Published(folder / "published", NAME)
        self.stratum0 = Stratum0(folder / "replica", self.published)
        self.keys = self.published.folder / "keys"
        self.httpd = Httpd(folder / "httpd", f"Replica {self.stratum0.confdir}").start()

    def fetch(self, name, **more):
        return self.httpd.fetch(f"/cvmfs-meta/{name}", **more)

    def write(self, ending, text):
        path = self.keys / f"{NAME}.{ending}"
        path.unlink()
        path.write_text(text)
        path.chmod(0o444)


@pytest.fixture
def site(folder):
    site = Site(folder)
    yield site
    site.httpd.stop()


def test_gives_public_key_and_certificate(site):
    for ending in ("pub", "crt"):
        path = f"/cvmfs-meta/{NAME}.{ending}"
        content = (site.keys / f"{NAME}.{ending}").read_bytes()
        assert_served(site.httpd.fetch(path), content, "application/x-pem-file", 61)
        assert_head_equals_get(site.httpd, path)
        assert_read_only(site.httpd, path)
    # What it gives is what checks the whitelist.
    pem = site.fetch(f"{NAME}.pub").body
    assert subprocess.run(["openssl", "pkey", "-pubin", "-noout"], input=pem,
                          check=False).returncode == 0


@pytest.mark.parametrize("name", [
    f"{NAME}.key", f"{NAME}.masterkey", f"{NAME}.gw", NAME, "", f"{NAME}.pub/", f"{NAME}.pub.key",
    f"%2e%2e/keys/{NAME}.pub", f"..%2fkeys%2f{NAME}.pub", f"./{NAME}.pub", f"x/{NAME}.pub",
    f"{NAME}.key%00.pub", f"{NAME}.PUB", "other.example.net.pub"])
def test_nothing_else_is_there(site, name):
    for path in (site.keys / "other.example.net.pub",):
        path.write_bytes((site.keys / f"{NAME}.pub").read_bytes())
        path.chmod(0o444)
    response = site.fetch(name)
    assert response.status in (400, 404)
    assert b"BEGIN" not in response.body


def test_links_and_folders_are_not_followed(site):
    path = site.keys / f"{NAME}.pub"
    path.rename(site.keys / "elsewhere.pub")
    path.symlink_to("elsewhere.pub")
    assert_missing(site.fetch(f"{NAME}.pub"))
    path.unlink()
    assert_missing(site.fetch(f"{NAME}.pub"))
    path.mkdir()
    assert_missing(site.fetch(f"{NAME}.pub"))


@pytest.mark.parametrize("wrong", ["private", "both", "text", "empty", "large", "two"])
def test_a_file_that_holds_something_else_is_not_given(site, wrong):
    private = (site.keys / f"{NAME}.key").read_text()
    certificate = (site.keys / f"{NAME}.crt").read_text()
    site.write("crt", {"private": private, "both": certificate + private, "text": "hello\n",
                       "empty": "", "large": certificate + "x" * 70000,
                       "two": certificate * 2}[wrong])
    response = site.fetch(f"{NAME}.crt")
    assert response.status == 500 and b"BEGIN" not in response.body
    assert f"{NAME}.crt" in site.httpd.error_log.read_text()


def test_an_unreadable_file_is_an_error_that_the_log_explains(site):
    (site.keys / f"{NAME}.crt").chmod(0)
    response = site.fetch(f"{NAME}.crt")
    if response.status != 200:  # root may read everything
        assert response.status == 500
        assert "cannot open" in site.httpd.error_log.read_text()


def test_without_the_door_it_is_not_ours(site, folder):
    other = Httpd(folder / "other", f"Replica {site.stratum0.confdir} status").start()
    try:
        assert b"BEGIN" not in other.fetch(f"/cvmfs-meta/{NAME}.pub").body
    finally:
        other.stop()
