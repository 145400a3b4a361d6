# SPDX-License-Identifier: Apache-2.0
"""replicactl mkfs and ingest: a repository of one's own, and a replica of it."""

import fcntl
import json
import os
import random
import stat
import subprocess

import pytest

from cli import IS_ROOT, ME, OWNER, owner_of
from closure import Closure, manifest_fields
from origin import Origin
from replica import REPLICACTL

NAME = "own.example.net"


@pytest.fixture
def source(folder):
    path = folder / "source"
    (path / "deep").mkdir(parents=True)
    (path / "deep/file").write_text("content")
    path.chmod(0o755)
    return path


@pytest.fixture
def made(site):
    site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", NAME)
    return site


def fields(site):
    return manifest_fields(site.storage / NAME)


def test_makes_a_repository(site):
    output = site.run("mkfs", "-o", OWNER, "-p", "-m", "-f", "overlayfs", NAME)
    assert "Creating Initial Repository... done" in output
    storage, keys = site.storage / NAME, site.confdir / "keys"
    Closure(storage)
    assert fields(site)["S"] == "1"
    assert (storage / ".cvmfs_master_replica").exists()
    for path in (storage, storage / "data/00", storage / ".cvmfspublished", site.spool / NAME,
                 site.spool / NAME / "tmp", keys / f"{NAME}.masterkey", keys / f"{NAME}.key"):
        assert owner_of(path) == OWNER, path
    for ending, mode in (("masterkey", 0o400), ("key", 0o400), ("pub", 0o444), ("crt", 0o444)):
        assert stat.S_IMODE((keys / f"{NAME}.{ending}").stat().st_mode) == mode
    text = site.configuration(NAME).read_text()
    for line in ("CVMFS_REPOSITORY_TYPE=stratum0", f"CVMFS_USER={OWNER}",
                 f"CVMFS_STRATUM0=http://localhost/cvmfs/{NAME}", "CVMFS_HASH_ALGORITHM=sha1",
                 f"CVMFS_UPSTREAM_STORAGE=local,{storage}/data/txn,{storage}"):
        assert line + "\n" in text
    assert f"CVMFS_PUBLIC_KEY={keys}/{NAME}.pub\n" in site.configuration(
        NAME, "client.conf").read_text()
    info = json.loads((site.storage / "info/v1/repositories.json").read_text())
    assert info["repositories"] == [{"name": NAME, "url": f"/cvmfs/{NAME}"}]


def test_options_shape_the_repository(site):
    site.run("mkfs", "-o", OWNER, "-a", "shake128", "-Z", "none", "-g", "-z", "-u",
             f"local,{site.folder}/disk/data/txn,{site.folder}/disk", NAME)
    text = site.configuration(NAME).read_text()
    for line in ("CVMFS_HASH_ALGORITHM=shake128", "CVMFS_COMPRESSION_ALGORITHM=none",
                 "CVMFS_AUTO_TAG=false", "CVMFS_GARBAGE_COLLECTION=true", "CVMFS_AUTO_GC=true"):
        assert line + "\n" in text
    manifest = manifest_fields(site.folder / "disk")
    assert manifest["G"] == "yes"
    assert manifest["C"].endswith("-shake128")


@pytest.mark.parametrize("arguments, code, words", [
    ((), 3, "Too few"), (("a.b", "c.d"), 3, "Too many"), (("-y", "a.b"), 3, "option: -y"),
    (("-X", "a.b"), 1, "-X is not in this version"),
    (("-x", "http://p", "a.b"), 1, "-x is not in this version"),
    (("-s", "s3", "a.b"), 1, "-s is not in this version"),
    (("-o", OWNER, "../a"), 1, "invalid repository name"),
    (("-o", OWNER, "-a", "md5", "a.b"), 1, "use sha1, rmd160 or shake128"),
    (("-o", OWNER, "-Z", "lzma", "a.b"), 1, "use default, zlib or none"),
    (("-o", OWNER, "-u", "local,/x", "a.b"), 3, "<type>,<temporary directory>"),
    (("-o", OWNER, "-u", "local,/x,/y", "a.b"), 1, "has to be the storage's own"),
    (("-o", "nobody-of-that-name", "a.b"), 1, "No user nobody-of-that-name"),
    (("-o", OWNER, "-k", "/nonexistent", "a.b"), 1, "cannot read /nonexistent/a.b.masterkey"),
    (("-o", OWNER, "-w", "http://a b", "a.b"), 1, "cannot hold unquoted"),
])
def test_bad_lines_are_refused(site, arguments, code, words):
    assert words in site.run("mkfs", *arguments, code=code)
    assert not site.configuration("a.b").exists()
    assert not (site.storage / "a.b").exists()


def test_a_second_one_of_that_name(made):
    assert f"The repository {NAME} already exists" in made.run("mkfs", "-o", OWNER, NAME, code=1)
    assert fields(made)["S"] == "1"


def test_a_failure_removes_what_was_made_but_keys(site):
    (site.storage / NAME).mkdir(parents=True)
    (site.storage / NAME / "data").write_text("in the way")
    if IS_ROOT:
        subprocess.run(["chown", "-R", OWNER, site.storage / NAME], check=True)
    site.run("mkfs", "-o", OWNER, NAME, code=1)
    assert not site.configuration(NAME).parent.exists()
    assert not (site.spool / NAME).exists()
    (site.storage / NAME / "data").unlink()
    before = (site.confdir / f"keys/{NAME}.pub").read_bytes()
    site.run("mkfs", "-o", OWNER, NAME)
    assert (site.confdir / f"keys/{NAME}.pub").read_bytes() == before


def test_keys_can_be_brought_along(site, made, folder):
    safe = folder / "safe"
    (made.confdir / "keys").rename(safe)
    made.run("rmfs", "-f", NAME)
    made.run("mkfs", "-o", OWNER, "-k", safe, NAME)
    for ending in ("masterkey", "key", "pub", "crt"):
        assert (made.confdir / f"keys/{NAME}.{ending}").read_bytes() == (
            safe / f"{NAME}.{ending}").read_bytes()
    made.run("rmfs", "-f", "-p", NAME)
    assert "would overwrite keys" in made.run("mkfs", "-o", OWNER, "-k", safe, NAME, code=1)


def test_ingest_publishes_a_directory(made, source):
    output = made.run("ingest", "--from", source, NAME)
    assert f"Published revision 2 of {NAME}: 3 entries in 1 catalogs" in output
    assert fields(made)["S"] == "2"
    Closure(made.storage / NAME)
    assert owner_of(made.storage / NAME / ".cvmfspublished") == OWNER
    made.run("ingest", "--from", os.path.relpath(source), NAME)
    assert fields(made)["S"] == "3"


def test_ingest_says_what_it_cannot_do(made, source, origin, published):
    assert "wants --from DIRECTORY" in made.run("ingest", NAME, code=3)
    assert "Unrecognized option" in made.run("ingest", "--form", source, NAME, code=3)
    assert "The repository no.such does not exist" in made.run(
        "ingest", "--from", source, "no.such", code=1)
    assert "nowhere" in made.run("ingest", "--from", "/nowhere", NAME, code=1)
    made.run("add-replica", "-o", OWNER, origin.url(published.fqrn), published.key)
    assert f"{published.fqrn} is not a stratum 0 repository" in made.run(
        "ingest", "--from", source, published.fqrn, code=1)
    assert fields(made)["S"] == "1"


def test_ingest_waits_for_the_lock(made, source):
    with open(made.spool / NAME / "is_updating.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = subprocess.Popen(["timeout", "60", REPLICACTL, "ingest", "--from", source, NAME], text=True,
                                   stdout=subprocess.PIPE, env=made.environment())
        assert "waiting for another update to finish..." in process.stdout.readline()
    assert "Published revision 2" in process.communicate()[0]


def test_a_replica_of_it_beside_it(made, source):
    made.run("ingest", "--from", source, NAME)
    server = Origin({NAME: made.storage / NAME}, random.Random(1))
    try:
        made.run("add-replica", "-o", OWNER, "-n", "copy.example.net", server.url(NAME),
                 made.confdir / f"keys/{NAME}.pub")
        made.run("snapshot", "copy.example.net")
    finally:
        server.close()
    assert (made.storage / "copy.example.net/.cvmfspublished").read_bytes() == (
        made.storage / NAME / ".cvmfspublished").read_bytes()


def test_all_of_it_works_for_an_ordinary_user(own_site, source):
    own_site.run("mkfs", NAME)
    own_site.run("ingest", "--from", source, NAME)
    assert owner_of(own_site.storage / NAME / ".cvmfspublished") == (own_site.user or ME)
    own_site.run("rmfs", "-f", NAME)
    assert list((own_site.confdir / "keys").iterdir()) == []


def test_rmfs_takes_the_keys(made):
    assert "Removing Keys and Certificate... done" in made.run("rmfs", "-f", NAME)
    assert list((made.confdir / "keys").iterdir()) == []
    assert [path for path in made.tree() if NAME in path] == []
