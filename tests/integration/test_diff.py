# SPDX-License-Identifier: Apache-2.0
"""replicactl diff and list-catalogs: what two revisions differ in, and what one consists of."""

import os
import pathlib
import random
import re
import shutil
import tempfile

import pytest

from closure import manifest_fields, object_path
from collect import Store
from origin import Origin
from replica import Replica
from sources import fill, write
from stratum0 import publish

FQRN = "sw.example.net"


class Site:
    def __init__(self, folder):
        self.folder = folder
        chance = random.Random(4)
        self.source = source = fill(folder / "source", chance, packages=3, files=2, large=100_000)
        write(source / "a" / "file", b"one")
        write(source / "a" / "mode", b"")
        write(source / "a" / "gone", b"12345")
        write(source / "a" / "kind", b"")
        write(source / "a" / "odd\nname", b"")
        (source / "a" / "link").symlink_to("here")
        self.stratum0 = publish(folder, FQRN, "minimum=16384", "average=32768", "maximum=65536")
        self.published = self.stratum0.published
        self.publish(source)
        self.stratum0.run("tag", "-a", "first", "-m", "one").assert_ok()
        self.roots = [manifest_fields(self.stratum0.storage)["C"]]

    def publish(self, source):
        self.published.publish(source)

    def change(self):
        source, chance = self.source, random.Random(9)
        write(source / "a" / "file", b"three")
        os.utime(source / "a" / "file", (1, 1_600_000_000))
        os.chmod(source / "a" / "mode", 0o600)
        (source / "a" / "gone").unlink()
        (source / "a" / "kind").unlink()
        (source / "a" / "kind").symlink_to("there")
        (source / "a" / "odd\nname").write_bytes(b"x")
        (source / "a" / "link").unlink()
        (source / "a" / "link").symlink_to("there")
        write(source / "b" / "deep" / "new", b"1234567")
        write(source / "b" / ".cvmfscatalog", b"")
        large = bytearray((source / "large").read_bytes())
        large[50_000:50_100] = chance.randbytes(100)
        (source / "large").write_bytes(large)
        write(source / "sw" / "package1" / "v0" / "file0", b"changed")
        shutil.rmtree(source / "sw" / "package2")
        self.publish(source)
        self.roots.append(manifest_fields(self.stratum0.storage)["C"])

    def diff(self, *arguments):
        return self.stratum0.run("diff", *arguments).assert_ok().output

    def lines(self, *arguments):
        """{path: letters} of the machine's output, without what only tells of times."""
        found = {}
        for line in self.diff("-m", "-i", *arguments).splitlines():
            match = re.fullmatch(r"([ARM](?:\[\w+\])?) (\w+) (.*?)(?: [+-]\d+)?", line)
            if match:
                found[match[3]] = match[1] + " " + match[2]
        return found


@pytest.fixture(scope="module")
def made():
    with tempfile.TemporaryDirectory(prefix="replica-") as name:
        site = Site(pathlib.Path(name))
        site.change()
        yield site


def test_every_change_is_a_line(made):
    found = made.lines()
    assert found.pop("/a/file") == "M[SC] F"
    assert found.pop("/a/mode") == "M[M] F"
    assert found.pop("/a/gone") == "R F"
    assert found.pop("/a/kind").startswith("M[") and "M[" in made.diff("-m")
    assert found.pop("/a/link") in ("M[SL] S", "M[L] S")
    assert found.pop("/a/odd\\x0aname") == "M[SC] F"
    assert found.pop("/b") == found.pop("/b/deep") == "A D"
    assert found.pop("/b/deep/new") == found.pop("/b/.cvmfscatalog") == "A F"
    assert found.pop("/large") == "M[C] F", "of its chunks alone"
    assert found.pop("/sw/package1/v0/file0").endswith("C] F")
    assert found.pop("/sw/package2") == "R D"
    gone = [path for path in found if path.startswith("/sw/package2/")]
    assert gone and {found.pop(path)[0] for path in gone} == {"R"}
    # Directories have a link for each directory in them.
    assert {words for path, words in found.items()} <= {"M[I] D"}
    assert set(found) <= {"/", "/sw"}


def test_what_is_in_a_directory_comes_in_order(made):
    paths = list(made.lines())
    assert paths.index("/b") < paths.index("/b/deep") < paths.index("/b/deep/new")
    gone = [path for path in paths if path.startswith("/sw/package2")]
    assert gone[-1] == "/sw/package2"


def test_for_people_with_a_header(made):
    output = made.diff("-h")
    assert re.match(r"DELTA: trunk-previous/r2 \(.* \d{4}\) --> trunk/r3 \(", output)
    assert "/a/gone remove file -5 bytes\n" in output
    assert "/b/deep/new add file +7 bytes\n" in output
    assert re.search(r"^/a/file modify file \[size, (timestamp, )?content\]$", output, re.M)
    assert re.search(r"^/a/kind modify file->symlink \[.*symlink-target", output, re.M)
    assert "d(# symlinks): 1\n" in output and "d(# catalogs): " in output
    machine = made.diff("-m", "-h")
    assert machine.startswith("# line descriptor: A - add, ")
    assert "\nS F " in machine and "\nS N " in machine


def test_times_are_left_out_on_request(made):
    assert re.search(r"M\[\w*T\w*\] F /a/file", made.diff("-m"))
    assert "T" not in "".join(re.findall(r"M\[(\w+)\]", made.diff("-m", "-i")))


def test_revisions_by_tag_and_by_hash_and_backwards(made):
    forward = made.lines("-s", "first", "-d", "trunk")
    assert forward == made.lines() == made.lines("--from", "@" + made.roots[0], "--to",
                                                 "@" + made.roots[1])
    backward = made.lines("-s", "trunk", "-d", "first")
    swap = {"A": "R", "R": "A", "M": "M"}
    assert {path: swap[words[0]] for path, words in backward.items()} == \
        {path: words[0] for path, words in forward.items()}
    assert made.lines("-s", "trunk", "-d", "trunk") == {}


def test_what_is_the_same_in_both_is_not_opened(made):
    """Not even if it is damaged."""
    old, new = (Store(made.stratum0.storage).catalog(root)[1] for root in made.roots)
    same = set(old) & set(new)
    assert same
    expected = made.lines()
    moved = [made.stratum0.storage / object_path(text, "C") for text in same]
    for path in moved:
        path.rename(f"{path}.away")
    try:
        assert made.lines() == expected
        other = (set(new) - same).pop()
        path = made.stratum0.storage / object_path(other, "C")
        path.rename(f"{path}.away")
        made.stratum0.run("diff").assert_failed("the catalog at '/", "missing")
        pathlib.Path(f"{path}.away").rename(path)
    finally:
        for path in moved:
            pathlib.Path(f"{path}.away").rename(path)


@pytest.mark.parametrize("arguments, word", [
    (("-s", "nowhere"), "there is no tag 'nowhere'"), (("-d", "@xyz"), "no hash"),
    (("-d", "@" + 40 * "1"), "missing")])
def test_what_there_is_none_of(made, arguments, word):
    made.stratum0.run("diff", *arguments).assert_failed(word)


def test_a_nested_catalog_is_no_revision(made):
    nested = Store(made.stratum0.storage).catalog(made.roots[1])[1][0]
    made.stratum0.run("diff", "-d", "@" + nested).assert_failed("is a nested catalog")


def test_there_is_no_transaction_to_look_into(made):
    run = made.stratum0.run("diff", "-w")
    assert run.code == 3 and "there are no transactions" in run.output


def test_a_replica_can_be_asked_too(made, folder):
    origin = Origin({FQRN: made.stratum0.storage}, random.Random(1))
    try:
        replica = Replica(folder / "replica", FQRN, origin.url(FQRN), made.stratum0.key)
        replica.snapshot().assert_ok()
    finally:
        origin.close()
    replica.published, replica.run = made.published, made.stratum0.run
    environment = dict(made.stratum0.environment(), REPLICA_CONFDIR=str(replica.confdir))
    made_environment = made.stratum0.environment
    try:
        made.stratum0.environment = lambda: environment
        assert made.lines() and made.stratum0.run("list-catalogs").assert_ok()
        output = made.diff("-m")
    finally:
        made.stratum0.environment = made_environment
    assert output == made.diff("-m")


def test_list_catalogs(made):
    tree = made.stratum0.run("list-catalogs").assert_ok().output.splitlines()
    assert tree[0] == "/" and "├─ /b" in tree and "├─ /sw/package0" in tree
    rows = [line.split() for line in
            made.stratum0.run("list-catalogs", "-x", "-s", "-e", "-h").output.splitlines()]
    head = manifest_fields(made.stratum0.storage)
    assert rows[0][0] == head["C"] and rows[0][1] == head["B"] + "B" and rows[0][3] == "/"
    paths = {row[3] for row in rows}
    assert {"/b", "/sw/package0", "/sw/package1"} <= paths and "/sw/package2" not in paths
    store = Store(made.stratum0.storage)
    assert {row[0] for row in rows[1:]} >= set(store.catalog(head["C"])[1])
    b = next(row for row in rows if row[3] == "/b")
    assert b[2] == "4", "/b, its marker, deep and new"


def test_list_catalogs_of_what_is_damaged(folder):
    site = Site(folder)
    nested = Store(site.stratum0.storage).catalog(site.roots[0])[1][-1]
    (site.stratum0.storage / object_path(nested, "C")).unlink()
    site.stratum0.run("list-catalogs").assert_failed("the catalog at '/sw/package", "missing")
    (site.stratum0.storage / ".cvmfspublished").unlink()
    site.stratum0.run("list-catalogs").assert_failed("manifest of " + FQRN)
