# SPDX-License-Identifier: Apache-2.0
"""replicactl import: a repository goes on being published on another host."""

import hashlib
import json
import os
import pathlib
import pwd
import shutil
import stat
import subprocess

import pytest

from cli import IS_ROOT, OWNER, owner_of
from closure import Closure, manifest_fields
from signer import Signer, object_path

NAME = "own.example.net"
ENDINGS = ("masterkey", "key", "pub", "crt")


@pytest.fixture
def source(folder):
    path = folder / "source"
    (path / "deep").mkdir(parents=True)
    (path / "deep/file").write_text("content")
    path.chmod(0o755)
    return path


@pytest.fixture
def moved(site, source):
    """Its storage is in place, .keys are beside; nothing else of it is here."""
    site.run("mkfs", "-o", OWNER, "-z", "-a", "shake128", "-Z", "none", NAME)
    site.run("ingest", "--from", source, NAME)
    (site.spool / NAME / "reflog.chksum").unlink()
    site.run("rmfs", "-f", "-p", NAME)
    site.safe = site.folder / "safe"
    (site.confdir / "keys").rename(site.safe)
    site.tree_storage = site.storage / NAME
    return site


def key(site, ending):
    return site.safe / f"{NAME}.{ending}"


def run_import(site, *arguments, code=0, **environment):
    return site.run("import", "-o", OWNER, "-k", site.safe, *arguments, NAME, code=code,
                    **environment)


def picture(site):
    """All that is there, with contents and owners."""
    found = {}
    for path in site.folder.rglob("*"):
        status = path.lstat()
        found[str(path)] = (status.st_uid, status.st_mode,
                            path.read_bytes() if path.is_file() and not path.is_symlink() else b"")
    return found


def fields(site):
    return manifest_fields(site.tree_storage)


def rewrite(path, content):
    Signer.replace(path, content)


def test_takes_a_repository_over_and_goes_on(moved, source):
    before = fields(moved)
    output = run_import(moved, "-w", f"http://stratum0.example.net/cvmfs/{NAME}", "-p", "-s",
                        "-f", "overlayfs", "-c", "0:0")
    assert f"Imported {NAME} at revision 2: hash shake128, compression none, garbage-" in output
    text = moved.configuration(NAME).read_text()
    for line in ("CVMFS_REPOSITORY_TYPE=stratum0", f"CVMFS_USER={OWNER}",
                 f"CVMFS_STRATUM0=http://stratum0.example.net/cvmfs/{NAME}",
                 "CVMFS_HASH_ALGORITHM=shake128", "CVMFS_COMPRESSION_ALGORITHM=none",
                 "CVMFS_GARBAGE_COLLECTION=true", "CVMFS_AUTO_TAG=true"):
        assert line + "\n" in text
    assert "CVMFS_REPOSITORY_TTL" not in text
    assert f"CVMFS_PUBLIC_KEY={moved.confdir}/keys/{NAME}.pub\n" in moved.configuration(
        NAME, "client.conf").read_text()
    for ending, mode in zip(ENDINGS, (0o400, 0o400, 0o444, 0o444)):
        path = moved.confdir / f"keys/{NAME}.{ending}"
        assert path.read_bytes() == key(moved, ending).read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert owner_of(path) == OWNER
    reflog = (moved.tree_storage / ".cvmfsreflog").read_bytes()
    checksum = moved.spool / NAME / "reflog.chksum"
    assert checksum.read_text() == hashlib.shake_128(reflog).hexdigest(20) + "-shake128"
    assert owner_of(checksum) == owner_of(moved.spool / NAME / "tmp") == OWNER
    info = json.loads((moved.storage / "info/v1/repositories.json").read_text())
    assert info["repositories"] == [{"name": NAME, "url": f"/cvmfs/{NAME}"}]
    # Nothing was published so far.
    assert fields(moved) == before
    go_on(moved, source)


def go_on(site, source):
    """Everything that a publisher does."""
    revision = int(fields(site)["S"])
    (source / "more").write_text("more")
    site.run("ingest", "--from", source, NAME)
    assert int(fields(site)["S"]) == revision + 1
    site.run("tag", "-a", "named", NAME)
    assert "named" in site.run("tag", "-l", NAME)
    site.run("resign", NAME)
    site.run("gc", "-f", "-r", 0, NAME)
    site.run("check", "-i", NAME)
    Closure(site.tree_storage)


def test_a_second_one_is_refused(moved):
    run_import(moved)
    before = picture(moved)
    assert f"The repository {NAME} already exists" in run_import(moved, code=1)
    assert picture(moved) == before


def test_one_that_was_cut_off_is_begun_again(moved, source):
    run_import(moved)
    # What the configuration, which is written first, was followed by.
    shutil.rmtree(moved.confdir / "keys")
    shutil.rmtree(moved.spool / NAME)
    assert f"'replicactl rmfs -p {NAME}'" in run_import(moved, code=1)
    moved.run("rmfs", "-f", "-p", NAME)
    run_import(moved)
    go_on(moved, source)


def in_the_way(site, name):
    """A folder of the repository's own, and a spool that cannot be made."""
    folder = site.confdir / "repositories.d" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "notes").write_text("an administrator's")
    site.spool.mkdir(exist_ok=True)
    (site.spool / name).write_text("in the way")
    return picture(site)


def test_what_fails_leaves_what_was_there(moved):
    (moved.confdir / "keys").mkdir()
    before = in_the_way(moved, NAME)
    assert "is no directory" in run_import(moved, code=1)
    assert picture(moved) == before
    moved.run("mkfs", "-o", OWNER, "other.example.net")
    moved.run("rmfs", "-f", "-p", "other.example.net")
    notes = in_the_way(moved, "other.example.net").items()
    moved.run("mkfs", "-o", OWNER, "other.example.net", code=1)
    assert picture(moved).items() >= notes


def test_without_the_master_key(moved, source):
    key(moved, "masterkey").unlink()
    run_import(moved)
    assert not (moved.confdir / f"keys/{NAME}.masterkey").exists()
    moved.run("ingest", "--from", source, NAME)
    assert fields(moved)["S"] == "3"


def test_keys_that_are_in_their_place(moved, source):
    shutil.move(moved.safe, moved.confdir / "keys")
    moved.run("import", "-o", OWNER, NAME)
    go_on(moved, source)


def test_folders_that_are_missing_are_made(moved, source):
    for path in (moved.tree_storage / "data").iterdir():
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    run_import(moved)
    go_on(moved, source)


def test_a_reflog_that_is_missing_is_made(moved, source):
    (moved.tree_storage / ".cvmfsreflog").unlink()
    run_import(moved)
    assert owner_of(moved.tree_storage / ".cvmfsreflog") == OWNER
    moved.run("check", NAME)
    go_on(moved, source)


def test_a_ttl_of_its_own_stays(moved, source):
    signer = Signer(moved.folder / "other", NAME)
    for ending in ENDINGS:
        os.replace(signer.file(ending), key(moved, ending))
    signer.folder = moved.safe
    signer.manifest(moved.tree_storage, D="77")
    signer.whitelist(moved.tree_storage)
    run_import(moved)
    moved.run("ingest", "--from", source, NAME)
    assert fields(moved)["D"] == "77"


def test_a_whitelist_that_has_expired(moved, source):
    sign_with(moved).whitelist(moved.tree_storage, days_ago=31)
    assert "-r signs a new whitelist" in run_import(moved, code=1)
    run_import(moved, "-r")
    go_on(moved, source)


def sign_with(site):
    """A signer with the repository's own keys."""
    signer = Signer.__new__(Signer)
    signer.folder, signer.fqrn = site.safe, NAME
    return signer


def test_no_whitelist_at_all(moved, source):
    (moved.tree_storage / ".cvmfswhitelist").unlink()
    run_import(moved, code=1)
    run_import(moved, "-r")
    assert owner_of(moved.tree_storage / ".cvmfswhitelist") == OWNER
    go_on(moved, source)


def test_the_master_key_from_the_environment(moved):
    (moved.tree_storage / ".cvmfswhitelist").unlink()
    pem = key(moved, "masterkey").read_text()
    key(moved, "masterkey").unlink()
    assert ".masterkey" in run_import(moved, "-r", code=1)
    run_import(moved, "-r", REPLICA_MASTER_KEY=pem)


def entries(site):
    lines = (site.tree_storage / ".cvmfswhitelist").read_bytes().split(b"\n")
    return lines[3:lines.index(b"--")]


def test_a_new_signing_key(moved, source):
    old = entries(moved)
    for ending in ("key", "crt"):
        key(moved, ending).unlink()
    assert "-t makes new ones" in run_import(moved, code=1)
    before = fields(moved)
    run_import(moved, "-t", "-r")
    assert fields(moved)["S"] == before["S"]
    assert fields(moved)["X"] != before["X"]
    assert entries(moved)[:-1] == old
    Closure(moved.tree_storage)
    go_on(moved, source)


def test_the_marker_for_replicas(moved):
    marker = moved.tree_storage / ".cvmfs_master_replica"
    marker.unlink()
    run_import(moved, "-m")
    assert owner_of(marker) == OWNER


@pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
def test_the_storage_is_given_to_the_owner(moved, source):
    subprocess.run(["chown", "-R", "daemon", moved.tree_storage], check=True)
    before = picture(moved)
    assert "-g gives it" in run_import(moved, code=1)
    assert picture(moved) == before
    run_import(moved, "-g")
    assert {owner_of(path) for path in moved.tree_storage.rglob("*")} == {OWNER}
    go_on(moved, source)


def test_an_ordinary_user_can_do_it(own_site, source):
    own_site.run("mkfs", NAME)
    own_site.run("ingest", "--from", source, NAME)
    own_site.run("rmfs", "-f", "-p", NAME)
    own_site.tree_storage = own_site.storage / NAME
    own_site.run("import", NAME)
    own_site.run("ingest", "--from", source, NAME)
    assert fields(own_site)["S"] == "3"


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    rewrite(path, bytes(content))


def no_certificate(site):
    key(site, "crt").unlink()


def readable_key(site):
    key(site, "key").chmod(0o444)


def readable_master(site):
    key(site, "masterkey").chmod(0o440)


def no_public_key(site):
    key(site, "pub").unlink()


def other_public_key(site):
    shutil.copy(Signer(site.folder / "other", NAME).file("pub"), key(site, "pub"))


def other_master(site):
    os.replace(Signer(site.folder / "other", NAME).file("masterkey"), key(site, "masterkey"))


def other_key(site):
    os.replace(Signer(site.folder / "other", NAME).file("key"), key(site, "key"))


def other_pair(site):
    other = Signer(site.folder / "other", NAME)
    for ending in ("key", "crt"):
        os.replace(other.file(ending), key(site, ending))


def foreign_whitelist(site):
    sign_with(site).whitelist(site.tree_storage, ":".join(["AB"] * 20))


def whitelist_of_another(site):
    sign_with(site).whitelist(site.tree_storage, name="other.example.net")


def manifest_of_another(site):
    sign_with(site).manifest(site.tree_storage, N="other.example.net")


def damaged_manifest(site):
    damage(site.tree_storage / ".cvmfspublished")


def forged_manifest(site):
    Signer(site.folder / "other", NAME).manifest(site.tree_storage, S="9")


def damaged_catalog(site):
    damage(object_path(site.tree_storage, fields(site)["C"] + "C"))


def no_certificate_object(site):
    object_path(site.tree_storage, fields(site)["X"] + "X").unlink()


def no_metainfo(site):
    object_path(site.tree_storage, fields(site)["M"] + "M").unlink()


def broken_reflog(site):
    rewrite(site.tree_storage / ".cvmfsreflog", b"SQLite format 3\0 and nothing")


def no_manifest(site):
    (site.tree_storage / ".cvmfspublished").unlink()


def fifos(name):
    """In the place of a file: nobody waits for a writer."""
    def spoil(site):
        path = object_path(site.tree_storage, fields(site)["C"] + "C") if name is None else \
            site.tree_storage / name
        path.unlink()
        os.mkfifo(path)
        os.chown(path, pwd.getpwnam(OWNER).pw_uid, -1)
    return spoil


def no_storage(site):
    site.tree_storage.rename(site.folder / "away")


def other_keys_in_place(site):
    Signer(site.confdir / "keys", NAME)


@pytest.mark.parametrize("spoil, words", [
    (no_certificate, "-t makes new ones"), (readable_key, "chmod 0400"),
    (readable_master, "chmod 0400"), (no_public_key, f"{NAME}.pub"),
    (other_public_key, "does not belong"), (other_master, "does not belong"),
    (other_key, "does not belong"), (other_pair, "not on the whitelist"),
    (foreign_whitelist, "not on the whitelist"), (whitelist_of_another, "other.example.net"),
    (manifest_of_another, "other.example.net"), (damaged_manifest, ".cvmfspublished"),
    (forged_manifest, "not on the whitelist"), (damaged_catalog, "missing or damaged"),
    (no_certificate_object, "missing or damaged"), (no_metainfo, "missing or damaged"),
    (broken_reflog, ".cvmfsreflog"), (no_manifest, "manifest"), (no_storage, "cannot open"),
    (fifos(".cvmfspublished"), "regular file"), (fifos(".cvmfsreflog"), "regular file"),
    (fifos(None), "missing or damaged"),
    (other_keys_in_place, "move it away"),
], ids=lambda value: getattr(value, "__name__", ""))
@pytest.mark.parametrize("options", [(), ("-r",)], ids=["", "-r"])
def test_what_does_not_verify_changes_nothing(moved, spoil, words, options):
    if options and spoil in (foreign_whitelist, whitelist_of_another, other_pair):
        return  # a new one is signed
    spoil(moved)
    before = picture(moved)
    output = run_import(moved, *options, code=1)
    if not options:
        assert words in output
    assert picture(moved) == before
    assert not list(pathlib.Path(moved.folder).glob("replica-import.*"))


def test_a_new_key_needs_a_whitelist_that_can_be_believed(moved):
    foreign_whitelist(moved)
    before = picture(moved)
    assert "not on the whitelist" in run_import(moved, "-t", "-r", code=1)
    assert picture(moved) == before


@pytest.mark.parametrize("arguments, code, words", [
    ((), 3, "Too few"), (("a.b", "c.d"), 3, "Too many"), (("-y", "a.b"), 3, "option: -y"),
    (("-l", "a.b"), 1, "cvmfs_server import -l"),
    (("-R", "a.b"), 1, "-R is not in this version"),
    (("-x", "http://p", "a.b"), 1, "-x is not in this version"),
    (("-t", "a.b"), 1, "on a new whitelist (-r)"),
    (("-c", "me", "a.b"), 1, "expected: <uid>:<gid>"),
    (("-o", OWNER, "../a"), 1, "invalid repository name"),
    (("-o", OWNER, "-u", "local,/x", "a.b"), 3, "<type>,<temporary directory>"),
    (("-o", OWNER, "-u", "S3,/x,cvmfs/a@/y", "a.b"), 1, "S3"),
    (("-o", "nobody-of-that-name", "a.b"), 1, "No user nobody-of-that-name"),
])
def test_bad_lines_are_refused(site, arguments, code, words):
    before = picture(site)
    assert words in site.run("import", *arguments, code=code)
    assert picture(site) == before


def test_storage_elsewhere(moved, source):
    elsewhere = moved.folder / "disk"
    moved.tree_storage.rename(elsewhere)
    moved.tree_storage = elsewhere
    run_import(moved, "-u", f"local,{elsewhere}/data/txn,{elsewhere}")
    go_on(moved, source)


def test_not_the_storage_of_another_repository(moved):
    moved.run("mkfs", "-o", OWNER, "other.example.net")
    before = picture(moved)
    storage = moved.storage / "other.example.net"
    run_import(moved, "-u", f"local,{storage}/data/txn,{storage}", code=1)
    assert picture(moved) == before
