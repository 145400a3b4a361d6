# SPDX-License-Identifier: Apache-2.0
"""A new revision costs as much as the change: what a snapshot asks for and looks for."""

import os
import random
import re
import shutil
import zlib

import pytest

from closure import Closure, manifest_fields, object_path
from loops import count
from replica import Published, Replica
from sources import fill, write

FQRN = "sw.example.net"
PACKAGES, FILES = 8, 15
# The root catalog that the tag of the revision before names.
PREVIOUS = 1


@pytest.fixture
def source(folder):
    return fill(folder / "source", random.Random(7), packages=PACKAGES, files=FILES)


@pytest.fixture
def published(folder, source):
    repository = Published(folder / "origin", FQRN, "minimum=32768", "average=65536",
                           "maximum=131072", "tags=no")
    repository.publish(source)
    return repository


@pytest.fixture
def replica(folder, origin, published):
    return Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)


def looked_for(run):
    return int(re.search(r"looked for (\d+) objects", run.assert_ok().output).group(1))


def sent(run):
    return int(re.search(r"Sent (\d+) requests", run.assert_ok().output).group(1))


def catalogs(closure):
    return {path for path in closure.objects if path.endswith("C")}


def root_catalog(replica):
    """The path of what is served, which a tag keeps in the next revision."""
    name = re.search(rb"^C(.*)$", replica.manifest(), re.M).group(1).decode()
    return f"data/{name[:2]}/{name[2:]}C"


def test_one_changed_file_costs_its_chain_of_catalogs(origin, published, replica, source):
    whole = looked_for(replica.snapshot())
    assert whole > PACKAGES * FILES
    write(source / "sw" / "package3" / "v0" / "file0", b"a new content")
    published.publish(source)
    run = replica.snapshot()
    # The root, its one changed nested catalog, and the object.
    assert looked_for(run) == 3 + PREVIOUS
    assert sent(run) <= 10
    assert replica.objects() >= Closure(published.storage).objects
    replica.closure()


def test_unchanged_nested_catalogs_are_not_even_looked_for(origin, published, replica, source):
    """The proof: one of them is gone, and nobody notices."""
    replica.snapshot().assert_ok()
    before = catalogs(replica.closure()) - {root_catalog(replica)}
    write(source / "top", b"a new file of the root catalog")
    published.publish(source)
    kept = sorted(catalogs(Closure(published.storage)) & before)
    (replica.storage / kept[0]).unlink()
    run = replica.snapshot()
    assert looked_for(run) == 2 + PREVIOUS
    assert not (replica.storage / kept[0]).exists()


def test_a_moved_file_is_looked_for_at_most(origin, published, replica, source):
    replica.snapshot().assert_ok()
    (source / "sw" / "package3" / "v0" / "file0").rename(source / "sw" / "package4" / "moved")
    published.publish(source)
    origin.heal()
    assert looked_for(replica.snapshot()) <= 4 + PREVIOUS
    fetched = [path for path in origin.paths() if path.startswith("data/")]
    assert all(path[-1] in "CXMH" for path in fetched)
    replica.closure()


def damage(path, how):
    if how == "missing":
        path.unlink()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "truncated":
        os.truncate(path, path.stat().st_size // 2)
    else:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)


def lose_one_object(replica, source_file):
    """Remove the only object of that content: an unchanged one."""
    wanted = source_file.read_bytes()
    for path in replica.objects():
        file = replica.storage / path
        if path[-1] not in "CXMHP" and zlib.decompress(file.read_bytes()) == wanted:
            file.unlink()
            return path
    raise AssertionError(f"no object of {source_file}")


def test_an_empty_object_is_fetched_again_where_a_new_revision_refers_to_it(published, replica,
                                                                           source):
    """Where the predecessor does too, it is left to check and scrub."""
    replica.snapshot().assert_ok()
    lost = lose_one_object(replica, source / "sw" / "package3" / "v0" / "file3")
    (replica.storage / lost).write_bytes(b"")
    shutil.copy(source / "sw" / "package3" / "v0" / "file3", source / "sw" / "package4" / "copy")
    published.publish(source)
    replica.snapshot().assert_ok()
    assert (replica.storage / lost).stat().st_size > 0
    replica.closure()


@pytest.mark.parametrize("how", ["missing", "empty", "truncated", "flipped"])
def test_a_damaged_predecessor_is_no_shortcut(published, replica, source, how):
    replica.snapshot().assert_ok()
    write(source / "second", b"the root catalog has a neighbour of the loss")
    head = replica.storage / object_path(manifest_fields(replica.storage)["C"], "C")
    lost = lose_one_object(replica, source / "empty")
    damage(head, how)
    published.publish(source)
    replica.snapshot().assert_ok()
    assert (replica.storage / lost).exists()


def test_a_stale_marker_is_no_shortcut(published, replica, source):
    replica.snapshot().assert_ok()
    lost = lose_one_object(replica, source / "sw" / "package3" / "v0" / "file3")
    write(source / "sw" / "package3" / "v0" / "file0", b"a new content")
    published.publish(source)
    (replica.storage / ".replica_dirty").write_text("1 long ago\n")
    replica.snapshot().assert_ok()
    assert (replica.storage / lost).exists()
    assert replica.leftovers() == []


def rewrite_history(source, random, contents):
    """One revision's worth of changes of every kind."""
    folders = sorted(path for path in (source / "sw").iterdir() if path.is_dir())
    for _ in range(random.randrange(1, 6)):
        folder = random.choice(folders)
        kind = random.randrange(5)
        if kind == 0:
            contents.append(random.randbytes(random.randrange(0, 3000)))
            write(folder / f"new{random.randrange(1000)}", contents[-1])
        elif kind == 1:  # old content at a new place
            write(folder / f"again{random.randrange(1000)}", random.choice(contents))
        elif kind == 2:
            write(folder / "sub" / f"deep{random.randrange(5)}" / ".cvmfscatalog", b"")
            write(folder / "sub" / "file", random.randbytes(50))
        elif kind == 3 and len(folders) > 3:
            shutil.rmtree(folder)
            folders.remove(folder)
        else:
            target = source / "sw" / f"copy{random.randrange(20)}"
            if not target.exists():
                shutil.copytree(folder, target, symlinks=True)


@pytest.mark.parametrize("seed", range(count("HISTORIES")))
def test_any_history_ends_as_a_full_replication_would(folder, origin, published, replica,
                                                      source, seed):
    chance = random.Random(seed)
    contents = [b"", b"first"]
    replica.snapshot().assert_ok()
    for _ in range(6):
        rewrite_history(source, chance, contents)
        published.publish(source)
        if chance.randrange(3) == 0:
            continue  # a revision that is never replicated
        before = replica.objects()
        origin.heal()
        replica.snapshot().assert_ok()
        expected = Closure(published.storage).objects
        assert replica.closure().objects == expected
        fetched = {path for path in origin.paths() if path.startswith("data/")}
        assert fetched == set(expected) - set(before), "what is new, and each once"
