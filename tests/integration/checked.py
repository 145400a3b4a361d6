# SPDX-License-Identifier: Apache-2.0
"""A replica to be checked, its two servers, and what is below a catalog of it."""

import json
import os
import random
import subprocess

import pytest

from closure import Closure, object_path
from origin import Origin
from replica import REPLICACTL, Published, Replica, Run
from servers import DEADLINE_SECONDS
from sources import change, fill

FQRN = "sw.example.net"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Two revisions with nested catalogs, files in chunks, hard links and tags."""
    folder = tmp_path_factory.mktemp("published")
    repository = Published(folder / "origin", FQRN, "minimum=32768", "average=65536",
                           "maximum=131072", "tags=yes")
    source = fill(folder / "source", random.Random(7), packages=48, files=12)
    os.link(source / "large", source / "large-too")
    os.mkfifo(source / "fifo")
    repository.publish(source)
    change(source, random.Random(8))
    repository.publish(source)
    return repository


class Site:
    """A replica, its origin and a second server of the same repository."""

    def __init__(self, folder, published, **settings):
        self.published = published
        self.origin = Origin({FQRN: published.storage}, random.Random(1))
        self.second = Origin({FQRN: published.storage}, random.Random(2))
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), published.key,
                               REPLICA_UPSTREAMS=f"'{self.second.url(FQRN)}/'",
                               CVMFS_HTTP_RETRIES=0, **settings)
        self.replica.snapshot().assert_ok()
        self.second.heal()  # it was asked for its revision
        self.storage = self.replica.storage

    def begin(self, *flags):
        return subprocess.Popen([REPLICACTL, "check", *flags, FQRN], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=self.replica.environment())

    def check(self, *flags):
        process = self.begin(*flags)
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        assert "Sanitizer" not in output
        return Run(process, output)

    def close(self):
        self.origin.close()
        self.second.close()

    def status(self):
        path = self.storage / ".cvmfs_status.json"
        return json.loads(path.read_text())


@pytest.fixture
def site(folder, published):
    site = Site(folder, published)
    yield site
    site.close()


class Below(Closure):
    """The objects below single catalogs."""

    def __init__(self, storage):
        self.storage = storage
        self.objects = set()

    def children(self, text):
        file, database = self.database((self.storage / object_path(text, "C")).read_bytes())
        rows = [(path.decode(), child.decode())
                for path, child in database.execute("SELECT path, sha1 FROM nested_catalogs")]
        database.close()
        file.close()
        return rows

    def below(self, text):
        self.objects = set()
        self.catalog(text)
        return set(self.objects)
