# SPDX-License-Identifier: Apache-2.0
"""A repository made from a directory holds that directory, by any reader's rules."""
import datetime
import hashlib
import json
import os
import random
import shutil
import socket
import stat
import subprocess

import pytest

from publisher import (BUILD, FQRN, ODD_NAMES, SMALL_CHUNKS, TOOL, Publisher, expect_same_tree,
                       supports_attributes, walk)
from repository_checks import CHUNKED, NULL_HASH, Database, Tree

def fill_with_everything(publisher):
    """Each kind of entry, in the root and in nested catalogs three deep."""
    write, source = publisher.write, os.fsencode(publisher.source)
    source_of = random.Random(7)
    for prefix in (b"", b"plain/", b"n1/", b"n1/n2/", b"n1/n2/n3/", b"not\xff/utf8/"):
        write(prefix + b"empty")
        write(prefix + b"small", b"contents of " + prefix)
        write(prefix + b"program", b"#!/bin/sh\n", 0o4755)
        write(prefix + b"secret", b"x" * 100, 0o600)
        write(prefix + b"large", source_of.randbytes(150000) + prefix * 100)
        write(prefix + b"zeros", bytes(170000))
        write(prefix + b"single", source_of.randbytes(20001))
        for name in ODD_NAMES:
            write(prefix + b"odd/" + name, name)
        for name in (b"h1", b"h2", b"elsewhere/h3"):
            os.makedirs(os.path.join(source, prefix, b"elsewhere"), exist_ok=True)
            os.link(os.path.join(source, prefix, b"large"),
                    os.path.join(source, prefix, name))
        for name, target in ((b"relative", b"../small"), (b"absolute", b"/etc/passwd"),
                             (b"dangling", b"nowhere"), (b"up", b".."),
                             (b"variant", b"$(ARCH:-x86_64)/lib"), (b"raw", b"\xff\xfe")):
            os.symlink(target, os.path.join(source, prefix, name))
        os.mkfifo(os.path.join(source, prefix, b"fifo"), 0o622)
        with socket.socket(socket.AF_UNIX) as end:
            folder = os.open(os.path.join(source, prefix), os.O_RDONLY)
            end.bind(b"/proc/self/fd/%d/socket" % folder)
            os.close(folder)
        os.makedirs(os.path.join(source, prefix, b"empty-directory"), 0o711)
    for name in (b"n1/", b"n1/n2/", b"n1/n2/n3/", b"not\xff/", b"plain/inner/"):
        write(name + b".cvmfscatalog")
    if os.geteuid() == 0:
        os.mknod(os.path.join(source, b"null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.lchown(os.path.join(source, b"relative"), 1000, 2000)
        os.chown(os.path.join(source, b"n1", b"small"), 70000, 4000000000)
    attributed = supports_attributes(source)
    if attributed:
        for name in (b"small", b"n1", b"n1/n2/small"):
            os.setxattr(os.path.join(source, name), b"user.foo", b"bar")
            os.setxattr(os.path.join(source, name), b"user.checksum", b"\x00\xff")
    for number, (path, folders, names) in enumerate(os.walk(source, topdown=False)):
        for name in names:
            os.utime(os.path.join(path, name), (1, 1600000000 + number),
                     follow_symlinks=False)
        os.utime(path, (1, 1500000000 + number))
    return attributed


@pytest.mark.parametrize("algorithm", ["sha1", "rmd160", "shake128"])
@pytest.mark.parametrize("compression", ["zlib", "none"])
def test_publishes_every_kind_of_entry(tmp_path, algorithm, compression):
    publisher = Publisher(tmp_path, f"hash={algorithm}", f"compression={compression}",
                          "xattrs=yes", "collectable=yes", "ttl=120", *SMALL_CHUNKS)
    attributed = fill_with_everything(publisher)
    result = publisher.create().ingest()
    repository = publisher.repository()
    fields, tree = repository.check()
    expect_same_tree(tree, publisher.source)
    assert fields["S"] == "2" and fields["G"] == "yes" and fields["D"] == "120"
    assert set(tree.catalogs) == {b"", b"/n1", b"/n1/n2", b"/n1/n2/n3", b"/not\xff",
                                  b"/plain/inner"}
    assert result["catalogs"] == result["stored"] == 6
    assert result["entries"] == sum(it["rows"] for it in tree.catalogs.values())
    for path in (b"/large", b"/zeros", b"/n1/n2/n3/large"):
        assert tree.entries[path]["flags"] & CHUNKED and not tree.entries[path]["hash"]
    assert not tree.entries[b"/single"]["flags"] & CHUNKED
    expected = (b"\x01\x02\x0d\x02user.checksum\x00\xff\x08\x03user.foobar"
                if attributed else None)
    for path in (b"/small", b"/n1", b"/n1/n2/small"):
        assert tree.entries[path]["xattr"] == expected


@pytest.mark.parametrize("algorithm, compression", [("sha1", "zlib"),
                                                     ("rmd160", "zlib"),
                                                     ("shake128", "none")])
def test_verifies_with_our_own_checks(tmp_path, algorithm, compression):
    publisher = Publisher(tmp_path, f"hash={algorithm}", f"compression={compression}",
                          *SMALL_CHUNKS)
    fill_with_everything(publisher)
    shutil.rmtree(os.fsencode(publisher.source) + b"/not\xff")
    for path in list(walk(publisher.source)):
        if b"\xff" in path:
            os.unlink(os.fsencode(publisher.source) + path)
    for folder, _, names in os.walk(os.fsencode(publisher.source)):
        for name in names:
            if name == b"raw":
                os.unlink(os.path.join(folder, name))
    publisher.create().ingest()
    done = subprocess.run([BUILD / "tests/interop/tree_listing",
                           publisher.folder / "repository/storage",
                           publisher.folder / f"repository/keys/{FQRN}.pub", FQRN,
                           publisher.folder / "scratch"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    listed = {entry["path"]: entry for entry in map(json.loads, done.stdout.splitlines())}
    assert len(listed) + 1 == len(walk(publisher.source))
    for path, entry in listed.items():
        if entry["type"] == "file":
            content = (publisher.source / path).read_bytes()
            assert entry["sha256"] == hashlib.sha256(content).hexdigest()


def test_creates_what_the_reference_creates(tmp_path):
    publisher = Publisher(tmp_path).create()
    repository = publisher.repository()
    fields, tree = repository.check()
    assert set(tree.entries) == {b"", b"/new_repository"}
    assert tree.content(b"/new_repository") == b"New CernVM-FS repository for " + \
        FQRN.encode() + b"\n"
    assert fields["S"] == "1" and fields["G"] == "no" and fields["A"] == "no"
    assert fields["D"] == "240"
    lines = repository.check_whitelist("sha1")
    created, expires = (datetime.datetime.strptime(text, "%Y%m%d%H%M%S")
                        for text in (lines[0], lines[1][1:]))
    assert expires - created == datetime.timedelta(days=30)
    assert repository.file("storage", ".cvmfs_master_replica")
    first, _ = repository.database(tree.catalogs[b""]["properties"]["previous_revision"],
                                   "C")
    properties = first.properties()
    assert properties["revision"] == "0"
    assert "previous_revision" not in properties and "TTL" not in properties
    assert first.rows("SELECT mode, size, hardlinks, flags FROM catalog") == [
        {"mode": 0o40755, "size": 4096, "hardlinks": 2, "flags": 1}]
    refs = repository.check_reflog(fields)
    assert sorted(kind for _, kind in refs) == [0, 0, 1, 2, 3]
    folders = os.listdir(publisher.folder / "repository/storage/data")
    assert sorted(folders) == sorted([f"{i:02x}" for i in range(256)] + ["txn"])
    assert not os.listdir(publisher.folder / "repository/storage/data/txn")
    tags, previous = repository.check_tags(fields)
    assert previous == NULL_HASH and len(tags) == 2
    before = publisher.manifest()
    done = publisher.tool("create", publisher.folder / "repository", FQRN, check=False)
    assert done.returncode == 1 and b"there is a repository in" in done.stderr
    assert publisher.manifest() == before


def read_state(publisher):
    repository = publisher.repository()
    fields, tree = repository.check()
    tags, history = repository.check_tags(fields)
    return {"fields": fields, "tree": tree, "tags": tags, "history": history,
            "refs": repository.check_reflog(fields)}


def test_the_next_revision_follows_the_one_before(tmp_path):
    publisher = Publisher(tmp_path, *SMALL_CHUNKS)
    for name in ("a/b/c", "d", "e"):
        publisher.write(name + "/.cvmfscatalog")
        publisher.write(name + "/file", name.encode())
    publisher.write("a/.cvmfscatalog")
    publisher.create("now=1700000000")
    publisher.ingest("now=1700000100")
    old = read_state(publisher)
    publisher.write("a/b/c/file", b"changed")
    shutil.rmtree(publisher.source / "e")
    publisher.write("f/.cvmfscatalog")
    result = publisher.ingest("now=1700000200")
    new = read_state(publisher)
    expect_same_tree(new["tree"], publisher.source)
    assert result["revision"] == 3 and result["stored"] == 4
    catalogs, before = new["tree"].catalogs, old["tree"].catalogs
    assert set(catalogs) == {b"", b"/a", b"/a/b/c", b"/d", b"/f"}
    for path, revision, previous in ((b"", "3", before[b""]["hash"]),
                                     (b"/a", "2", before[b"/a"]["hash"]),
                                     (b"/a/b/c", "2", before[b"/a/b/c"]["hash"]),
                                     (b"/f", "1", NULL_HASH)):
        properties = catalogs[path]["properties"]
        assert properties["revision"] == revision
        assert properties["previous_revision"] == previous
        assert properties["last_modified"] == "1700000200"
    assert catalogs[b"/d"] == before[b"/d"]
    assert new["history"] == old["fields"]["H"]
    assert new["fields"]["T"] == "1700000200"
    assert set(old["refs"]) < set(new["refs"])
    check_tags(old, new)


def check_tags(old, new):
    assert set(new["tags"]) == {"trunk", "trunk-previous", "generic-2023-11-14T22:13:20Z",
                                "generic-2023-11-14T22:15:00Z",
                                "generic-2023-11-14T22:16:40Z"}
    moved = dict(old["tags"]["trunk"], name="trunk-previous",
                 description="default undo target")
    assert new["tags"]["trunk-previous"] == moved
    generic = new["tags"]["generic-2023-11-14T22:16:40Z"]
    assert generic["hash"] == new["fields"]["C"] and generic["revision"] == 3
    assert generic["timestamp"] == 1700000200


def test_an_unchanged_tree_makes_a_revision_of_the_same_content(tmp_path):
    publisher = Publisher(tmp_path, "tags=no", *SMALL_CHUNKS)
    fill_with_everything(publisher)
    publisher.create("now=1700000000").ingest("now=1700000000")
    repository = publisher.repository()
    old = read_state(publisher)
    stored = repository.stored_objects()
    assert publisher.ingest("now=1700000000")["stored"] == 1
    new = read_state(publisher)
    assert new["tree"].entries == old["tree"].entries
    assert len(repository.stored_objects() - stored) == 2  # root catalog, tags
    assert set(new["tags"]) == {"trunk", "trunk-previous"}
    publisher.ingest("now=1600000000")  # a clock that was set back
    assert publisher.repository().check_manifest()["T"] == "1700000000"


def test_tags_of_one_second_get_numbers(tmp_path):
    publisher = Publisher(tmp_path).create("now=1700000000")
    for _ in range(2):
        publisher.ingest("now=1700000000")
    tags = read_state(publisher)["tags"]
    date = "2023-11-14T22:13:20Z"
    assert {f"generic-{date}", f"generic_1-{date}", f"generic_2-{date}"} < set(tags)


def test_switches_algorithm_and_compression_between_revisions(tmp_path):
    publisher = Publisher(tmp_path, *SMALL_CHUNKS)
    publisher.write("keep/.cvmfscatalog")
    publisher.write("keep/file", b"old")
    publisher.write("file", b"one" * 50000)
    publisher.create().ingest()
    publisher.ingest("hash=shake128", "compression=none")
    repository = publisher.repository()
    fields = repository.check_manifest()
    assert fields["C"].endswith("-shake128")
    repository.check_reflog(fields)
    tree = Tree(repository)
    tree.read(fields["C"], int(fields["B"]), b"", None)
    expect_same_tree(tree, publisher.source)


def test_keeps_whole_files_beside_chunks(tmp_path):
    publisher = Publisher(tmp_path, "whole=yes", *SMALL_CHUNKS)
    content = random.Random(3).randbytes(200000)
    publisher.write("large", content)
    publisher.write("single", content[:20001])
    publisher.create().ingest()
    _, tree = publisher.repository().check()
    assert tree.entries[b"/large"]["hash"] and tree.entries[b"/large"]["chunks"]
    expect_same_tree(tree, publisher.source)


def test_cuts_nothing_if_told_so(tmp_path):
    publisher = Publisher(tmp_path, "chunks=no", *SMALL_CHUNKS)
    publisher.write("large", random.Random(3).randbytes(200000))
    publisher.create().ingest()
    _, tree = publisher.repository().check()
    assert not tree.entries[b"/large"]["chunks"]
    expect_same_tree(tree, publisher.source)


def test_stores_exactly_what_the_revisions_need(tmp_path):
    publisher = Publisher(tmp_path, *SMALL_CHUNKS)
    fill_with_everything(publisher)
    repository = publisher.create().repository()
    before = repository.stored_objects()
    publisher.ingest()
    _, tree = repository.check()
    expect_same_tree(tree, publisher.source)
    assert repository.stored_objects() - before <= repository.objects
    assert repository.objects <= repository.stored_objects()


def test_many_files_and_one_thread_or_eight(tmp_path):
    publisher = Publisher(tmp_path, "tags=no")
    for i in range(1500):
        publisher.write(f"d{i % 7}/{i}", b"%d" % i * 50)
    publisher.create("now=1700000000")
    roots = set()
    for workers in (1, 8):
        publisher.ingest(f"workers={workers}", "now=1700000000")
        _, tree = publisher.repository().check()
        expect_same_tree(tree, publisher.source)
        database, _ = publisher.repository().database(tree.catalogs[b""]["hash"], "C")
        roots.add(database.text("SELECT sum(rowid * md5path_1 % 9973) FROM catalog"))
    assert len(roots) == 1


@pytest.mark.parametrize("name, message", [
    (".cvmfs/x", "/.cvmfs is reserved"),
    (".cvmfscatalog", "the root holds /.cvmfscatalog"),
    ("a/.cvmfsgraft-b", "/a/.cvmfsgraft-b describes data that are elsewhere"),
])
def test_refuses_names_with_a_meaning(tmp_path, name, message):
    publisher = Publisher(tmp_path).create()
    before = publisher.manifest()
    for i in range(300):
        publisher.write(f"a/{i}", b"%d" % i)
    publisher.write(name)
    assert message in publisher.refuse()
    assert publisher.manifest() == before
    publisher.repository().check()


def test_refuses_a_directory_that_is_not_there_or_too_deep(tmp_path):
    publisher = Publisher(tmp_path).create()
    assert "cannot open" in publisher.refuse(tmp_path / "missing")
    os.makedirs(os.path.join(publisher.source, *["d"] * 260))
    assert "nested more than 250 deep" in publisher.refuse()
    publisher.repository().check()


def test_refuses_to_follow_a_damaged_or_foreign_head(tmp_path):
    publisher = Publisher(tmp_path).create()
    path = publisher.folder / "repository/storage/.cvmfspublished"
    good = publisher.manifest()
    path.write_bytes(good.replace(b"\nS1\n", b"\nS7\n"))
    assert "present manifest" in publisher.refuse()
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    assert "present manifest" in publisher.refuse()
    path.write_bytes(good)
    publisher.ingest()


def test_heals_a_reflog_that_a_crash_left_ahead(tmp_path):
    publisher = Publisher(tmp_path).create()
    (publisher.folder / "repository/spool/reflog.chksum").write_text(NULL_HASH)
    publisher.ingest()
    publisher.repository().check()
    os.unlink(publisher.folder / "repository/spool/reflog.chksum")
    os.unlink(publisher.folder / "repository/storage/.cvmfsreflog")
    publisher.ingest()
    publisher.repository().check()


def test_repairs_objects_that_a_crash_left_empty(tmp_path):
    publisher = Publisher(tmp_path)
    publisher.write("file", b"precious")
    publisher.create().ingest()
    storage = publisher.folder / "repository/storage"
    for path in storage.glob("data/??/*"):
        if not path.name.endswith(("C", "H", "X", "M")):
            path.write_bytes(b"")
    publisher.ingest()
    _, tree = publisher.repository().check()
    expect_same_tree(tree, publisher.source)


@pytest.mark.parametrize("mountpoint", [b"", b"/n1", b"/n1/n2"])
def test_publishes_over_a_damaged_catalog(tmp_path, mountpoint):
    publisher = Publisher(tmp_path, *SMALL_CHUNKS)
    fill_with_everything(publisher)
    publisher.create().ingest()
    old = read_state(publisher)
    name = old["tree"].catalogs[mountpoint]["hash"] + "C"
    path = publisher.folder / "repository/storage/data" / name[:2] / name[2:]
    path.write_bytes(path.read_bytes()[:-7])
    publisher.ingest()
    _, tree = publisher.repository().check()
    expect_same_tree(tree, publisher.source)
    path.unlink()
    publisher.ingest()
    publisher.repository().check()


def test_is_a_database_the_tool_reads(tmp_path):
    publisher = Publisher(tmp_path).create()
    assert Database(publisher.folder / "repository/storage/.cvmfsreflog").rows(
        "SELECT count(*) AS n FROM refs")[0]["n"] == 5


def test_a_killed_publisher_leaves_the_old_revision_and_can_run_again(tmp_path):
    publisher = Publisher(tmp_path, "tags=no", *SMALL_CHUNKS)
    fill_with_everything(publisher)
    publisher.create().ingest()
    source_of = random.Random(11)
    for _ in range(12):
        for i in range(150):
            publisher.write(f"new{i % 5}/{i}", source_of.randbytes(9000))
        process = subprocess.Popen(
            [TOOL, "ingest", publisher.folder / "repository", FQRN, publisher.source,
             *publisher.options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=source_of.uniform(0.005, 0.12))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        repository = publisher.repository()
        fields = repository.check_manifest()
        tree = Tree(repository)
        tree.read(fields["C"], int(fields["B"]), b"", None)
        for path, row in tree.entries.items():
            if stat.S_ISREG(row["mode"]):
                tree.content(path)
    publisher.ingest()
    _, tree = publisher.repository().check()
    expect_same_tree(tree, publisher.source)
    storage = publisher.folder / "repository/storage"
    assert not os.listdir(storage / "data/txn")
    assert not (storage / ".replica_dirty").exists()


def test_a_failed_run_closes_its_marker(tmp_path):
    publisher = Publisher(tmp_path).create()
    publisher.write(".cvmfs/x")
    publisher.refuse()
    assert not (publisher.folder / "repository/storage/.replica_dirty").exists()
