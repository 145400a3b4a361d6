# SPDX-License-Identifier: Apache-2.0
"""replicactl notify -s on a machine that is a client of the repository and nothing else."""

import os
import shutil
import subprocess

import pytest

from event_site import EventSite
from replica import REPLICACTL
from servers import DEADLINE_SECONDS, free_port
from signer import Signer
from test_event_log import rows


class Client:
    """Its configuration, and the service that it follows."""

    def __init__(self, folder, site, origin):
        self.site, self.confdir = site, folder / "client"
        self.confdir.mkdir()
        self.service = site.server.start().url
        self.url = origin.url(site.name)
        self.key = folder / "key.pub"
        shutil.copy(site.published.key, self.key)
        self.revision = rows(site.log)[-1][2]

    def configure(self, name, **settings):
        path = self.confdir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))

    def start(self, *arguments):
        return subprocess.Popen(
            [REPLICACTL, "notify", "-s", "-u", self.service, "-t", self.site.name,
             *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "REPLICA_CONFDIR": str(self.confdir)})

    def follow(self, *arguments, code=0):
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        assert process.returncode == code, output
        return output

    def expect_revision(self, *arguments):
        assert self.follow(*arguments) == (
            f"repository {self.site.name} is now at revision {self.revision}.\n")

    def expect_refusal(self, words, *arguments):
        """It tries again, and says why each time."""
        process = self.start(*arguments)
        try:
            assert words in process.stdout.readline()
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def client(folder, origin, published):
    site = EventSite(folder, origin.url(published.fqrn), published)
    try:
        site.replica.snapshot().assert_ok()
        yield Client(folder, site, origin)
    finally:
        site.close()


def test_by_a_file_as_the_stock_tool(client):
    client.configure(f"repositories.d/{client.site.name}/client.conf",
                     CVMFS_SERVER_URL=client.url, CVMFS_PUBLIC_KEY=client.key)
    client.expect_revision()


def test_by_options_alone(client):
    client.expect_revision("-r", client.url, "-k", client.key)
    (client.confdir / "keys").mkdir()
    shutil.copy(client.key, client.confdir / "keys")
    client.expect_revision("-r", client.url + "/")
    client.expect_revision("-r", client.url, "-k", client.confdir / "keys")


def test_by_the_files_of_a_client(client):
    nobody = f"http://127.0.0.1:{free_port()}/cvmfs/@fqrn@"
    there = client.url.replace(client.site.name, "@fqrn@")
    client.configure("default.conf", CVMFS_HTTP_PROXY=nobody)
    client.configure("default.d/60-site.conf", CVMFS_HTTP_PROXY="'auto;DIRECT'")
    client.configure("default.d/50-cern.conf", CVMFS_HTTP_PROXY=nobody, CVMFS_SERVER_URL=nobody)
    client.configure("default.d/70-old.conf.rpmsave", CVMFS_HTTP_PROXY=nobody)
    client.configure("domain.d/example.net.conf", CVMFS_KEYS_DIR=client.confdir / "keys")
    client.configure(f"config.d/{client.site.name}.conf",
                     CVMFS_SERVER_URL=f"'{nobody};{there}'")
    (client.confdir / "keys").mkdir()
    shutil.copy(client.key, client.confdir / "keys")
    client.expect_revision()


def test_what_client_config_prints_is_understood(client):
    text = subprocess.run(
        [REPLICACTL, "client-config", "--url", client.url, client.site.name], check=True, text=True,
        capture_output=True, env=client.site.replica.environment()).stdout
    path = client.confdir / f"config.d/{client.site.name}.conf"
    path.parent.mkdir()
    path.write_text(text)
    client.expect_revision("-k", client.key)


def test_it_asks_through_the_proxy(client):
    client.configure("default.local", CVMFS_HTTP_PROXY=f"'http://127.0.0.1:{free_port()}|DIRECT'")
    client.expect_refusal("127.0.0.1", "-r", client.url, "-k", client.key)


def test_a_key_that_is_another_ones(client, folder):
    signer = Signer(folder / "other", client.site.name)
    client.expect_refusal("not signed by any", "-r", client.url, "-k", signer.file("pub"))


def test_where_nothing_says_where_it_is(client):
    assert "CVMFS_SERVER_URL" in client.follow("-k", client.key, code=1)
    client.configure("default.local", CVMFS_SERVER_URL="http://$HOST/cvmfs/@fqrn@")
    assert "CVMFS_SERVER_URL" in client.follow("-k", client.key, code=1)
