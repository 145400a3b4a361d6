# SPDX-License-Identifier: Apache-2.0
"""Snapshots of repositories that the reference tools made: what is fetched, what is stored, what
can be read from it."""

import json
import os
import pathlib
import random
import shutil
import subprocess

import pytest

from closure import Closure, manifest_fields
from damage import Damage, files_of
from loops import count
from origin import Origin
from replica import REPLICACTL, Replica
from servers import BUILD

FIXTURES = os.environ.get("REPLICA_FIXTURES")
if not FIXTURES:
    pytest.skip("REPLICA_FIXTURES names no folder of fixtures", allow_module_level=True)
REPOSITORIES = sorted(p for p in (pathlib.Path(FIXTURES) / "repositories").iterdir() if p.is_dir())
ENSEMBLE = [".cvmfspublished", ".cvmfswhitelist"]
# A word of the error with which each of the other whitelists is refused.
REFUSED = {
    "whitelist-expired": "expired",
    "whitelist-other-name": "other",
    "whitelist-other-certificate": "certificate",
    "whitelist-other-key": "not signed by any of the 1 configured public keys",
}


class Site:
    """An origin that serves a fixture, and a replica of it."""

    def __init__(self, folder, fixture):
        self.fixture = fixture
        self.fqrn = fixture.name
        self.source = fixture / "repository"
        self.origin = Origin({self.fqrn: self.source}, random.Random(1))
        self.replica = Replica(folder / "replica", self.fqrn, self.origin.url(self.fqrn),
                               fixture / "keys" / f"{self.fqrn}.pub")

    def listing(self, scratch, revision):
        """What our reader finds in the replica, by path: type and content."""
        process = subprocess.run(
            [BUILD / "tests/interop/tree_listing", "-r", revision, self.replica.storage,
             self.replica.key, self.fqrn, scratch], capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        return summary(process.stdout)


def summary(lines):
    """Path -> type and content."""
    entries = {}
    for line in lines.splitlines():
        entry = json.loads(line)
        entries[entry["path"]] = (entry["type"], entry.get("sha256"), entry.get("size"),
                                  entry.get("target"))
    return entries


@pytest.fixture(params=REPOSITORIES, ids=lambda path: path.name)
def site(request, tmp_path):
    site = Site(tmp_path, request.param)
    yield site
    site.origin.close()


def times(storage):
    return {str(path.relative_to(storage)): path.stat().st_mtime_ns
            for path in storage.rglob("*") if path.is_file()}


def test_the_replica_is_what_the_manifest_reaches_and_nothing_else(site):
    site.replica.snapshot().assert_ok()
    expected = Closure(site.source).objects
    assert site.replica.objects() == expected
    for path in [*expected, *ENSEMBLE]:
        assert (site.replica.storage / path).read_bytes() == (site.source / path).read_bytes()
    assert sorted(site.origin.paths()) == sorted([*expected, *ENSEMBLE]), "each once"
    assert site.origin.paths("HEAD") == [".cvmfs_master_replica"]
    assert site.replica.leftovers() == []


def test_what_an_origin_also_holds_is_left_there(site):
    """Old tag databases, replaced certificates and external data lie in every real source."""
    everything = {str(path.relative_to(site.source))
                  for path in (site.source / "data").glob("??/*")}
    assert everything > Closure(site.source).objects
    site.replica.snapshot().assert_ok()
    assert site.replica.objects() < everything


def test_a_second_snapshot_fetches_manifest_and_whitelist_only(site):
    site.replica.snapshot().assert_ok()
    before = times(site.replica.storage)
    site.origin.heal()
    site.replica.snapshot().assert_ok()
    assert site.origin.paths() == ENSEMBLE
    after = times(site.replica.storage)
    assert set(after) == set(before)
    assert {path for path in after if after[path] != before[path]} == {
        ".cvmfs_status.json", ".cvmfs_last_snapshot"}


def test_every_file_of_every_revision_reads_the_same_through_the_replica(site, tmp_path):
    site.replica.snapshot().assert_ok()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    if site.fqrn.startswith("ext."):
        # Only the reader wants them: clients get external data elsewhere.
        shutil.copytree(site.source / "data", site.replica.storage / "data", dirs_exist_ok=True)
    for tree in site.fixture.glob("tree-*.jsonl"):
        theirs = summary(tree.read_text())
        ours = site.listing(scratch, tree.stem.removeprefix("tree-"))
        for path, entry in theirs.items():
            assert ours[path] == entry, path


@pytest.mark.parametrize("variant", sorted(REFUSED))
def test_a_whitelist_that_does_not_fit_is_refused(site, variant):
    whitelist = (site.fixture / "variants" / variant).read_bytes()
    site.origin.fault(r"\.cvmfswhitelist$", "replace", whitelist)
    site.replica.snapshot().assert_failed(REFUSED[variant])
    assert site.replica.manifest() is None
    assert site.replica.objects() == set()
    site.origin.heal()
    site.replica.snapshot().assert_ok()
    old = site.replica.manifest()
    site.origin.fault(r"\.cvmfswhitelist$", "replace", whitelist)
    site.replica.snapshot().assert_failed(REFUSED[variant])
    assert site.replica.manifest() == old
    assert ((site.replica.storage / ".cvmfswhitelist").read_bytes()
            == (site.source / ".cvmfswhitelist").read_bytes())


def test_comments_and_a_second_fingerprint_are_accepted(site):
    whitelist = site.fixture / "variants" / "whitelist-comments-two-fingerprints"
    site.origin.fault(r"\.cvmfswhitelist$", "replace", whitelist.read_bytes())
    site.replica.snapshot().assert_ok()
    assert (site.replica.storage / ".cvmfswhitelist").read_bytes() == whitelist.read_bytes()
    assert manifest_fields(site.replica.storage) == manifest_fields(site.source)


@pytest.mark.parametrize("flags", [[], ["-i"], ["-t", "trunk-previous"], ["-i", "--repair"]])
def test_what_the_reference_published_breaks_no_rule(site, flags):
    site.replica.snapshot().assert_ok()
    process = subprocess.run([REPLICACTL, "check", *flags, site.fqrn], capture_output=True,
                             text=True, env=site.replica.environment(), check=False)
    assert process.returncode == 0, process.stdout
    assert "no problems found" in process.stdout


def test_bit_rot_is_repaired_from_a_second_server(site):
    second = Origin({site.fqrn: site.source}, random.Random(2))
    site.replica.configure(REPLICA_UPSTREAMS=second.url(site.fqrn), CVMFS_HTTP_RETRIES=0)
    site.replica.snapshot().assert_ok()
    before = files_of(site.replica.storage)
    damage = Damage(site.replica.storage, random.Random(4), count("DAMAGED_OBJECTS"))
    damage.do()
    site.origin.close()
    try:
        process = subprocess.run([REPLICACTL, "check", "-i", "--repair", site.fqrn], text=True,
                                 capture_output=True, env=site.replica.environment(), check=False)
    finally:
        second.close()
    assert process.returncode == 0, process.stdout
    assert damage.counted(process.stdout) == damage.expected()
    assert files_of(site.replica.storage) == before


def test_two_servers_of_which_each_has_half(site):
    second = Origin({site.fqrn: site.source}, random.Random(2))
    site.replica.configure(REPLICA_UPSTREAMS=second.url(site.fqrn))
    site.origin.fault(r"/data/[0-7]", "missing")
    second.fault(r"/data/[89a-f]", "corrupt")
    try:
        site.replica.snapshot().assert_ok()
    finally:
        second.close()
    expected = Closure(site.source).objects
    assert site.replica.objects() == expected
    for path in [*expected, *ENSEMBLE]:
        assert (site.replica.storage / path).read_bytes() == (site.source / path).read_bytes()
