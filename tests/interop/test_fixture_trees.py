# SPDX-License-Identifier: Apache-2.0
"""Every revision of every repository that the reference tools made, read through the
library: all paths, all attributes, the content of all files."""

import json
import os
import pathlib
import sqlite3
import subprocess
import zlib

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("REPLICA_BUILD", TOP / "build"))
FIXTURES = os.environ.get("REPLICA_FIXTURES")
if not FIXTURES:
    pytest.skip("REPLICA_FIXTURES names no folder of fixtures", allow_module_level=True)
REPOSITORIES = sorted(p for p in (pathlib.Path(FIXTURES) / "repositories").iterdir() if p.is_dir())
REFUSED = {
    "whitelist-expired": "expired",
    "whitelist-other-name": "name-mismatch",
    "whitelist-other-certificate": "not-listed",
    "whitelist-other-key": "bad-signature",
}


def tree_listing(repository, scratch, *options, name=None, key=None):
    """Run the program; returns the finished process."""
    fqrn = repository.name
    return subprocess.run(
        [
            str(BUILD / "tests/interop/tree_listing"),
            *options,
            str(repository / "repository"),
            str(key or repository / "keys" / f"{fqrn}.pub"),
            name or fqrn,
            str(scratch),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def listed(repository, scratch, *options):
    """What the library sees of a revision, by path, without what is hidden."""
    process = tree_listing(repository, scratch, *options)
    assert process.returncode == 0, process.stderr
    entries = {}
    hidden = []
    for line in process.stdout.splitlines():
        entry = json.loads(line)
        assert entry["path"] not in entries
        entries[entry["path"]] = entry
        if entry.pop("hidden", False):
            hidden.append(entry["path"])
    return {
        path: entry
        for path, entry in entries.items()
        if not any(path == h or path.startswith(h + "/") for h in hidden)
    }


def expected(tree):
    """What the fixture lists, by path."""
    entries = (json.loads(line) for line in tree.read_text().splitlines())
    return {entry["path"]: entry for entry in entries}


def check_hardlinks(ours, theirs):
    """Rows of one group are linked in the fixture too (the catalogs may have split a
    group), and each has as many links as its group has rows."""
    groups = {}
    for path, entry in ours.items():
        links, group = entry.pop("links", None), entry.pop("group", None)
        if group is not None:
            groups.setdefault(group, []).append((path, links))
        elif entry["type"] == "file":
            assert links == 1
    for members in groups.values():
        paths = {path for path, _ in members}
        for path, links in members:
            assert links == len(members)
            assert paths <= set(theirs[path]["hardlinks"])


def reconcile_listing_before_publishing(ours, theirs, tree):
    """One tree was listed just before it was published. The publisher then put an empty
    marker into each folder that .cvmfsdirtab names, and left attributes out, which it had
    not been asked to record; later trees of the same repository agree with that."""
    if (tree.parent.name, tree.stem) != ("sw.example.net", "tree-2"):
        return
    for path in set(ours) - set(theirs):
        assert path.endswith("/.cvmfscatalog") and ours.pop(path)["size"] == 0
    for entry in theirs.values():
        entry.pop("xattrs", None)


def trees():
    return [tree for repository in REPOSITORIES for tree in repository.glob("tree-*.jsonl")]


def tree_id(tree):
    return f"{tree.parent.name}-{tree.stem}"


def repository_id(repository):
    return repository.name


@pytest.mark.parametrize("tree", sorted(trees()), ids=tree_id)
def test_every_path_of_every_revision(tree, tmp_path):
    revision = tree.stem.removeprefix("tree-")
    ours = listed(tree.parent, tmp_path, "-r", revision)
    theirs = expected(tree)
    reconcile_listing_before_publishing(ours, theirs, tree)
    assert set(ours) == set(theirs)
    check_hardlinks(ours, theirs)
    is_external = tree.parent.name.startswith("ext.")
    for path, entry in theirs.items():
        entry.pop("hardlinks", None)
        assert ours[path].pop("external", False) == (
            is_external and entry["type"] == "file" and entry["size"] > 0
        )
        assert ours[path] == entry


@pytest.mark.parametrize("repository", REPOSITORIES, ids=repository_id)
def test_the_head_is_the_newest_tree(repository, tmp_path):
    newest = max(repository.glob("tree-*.jsonl"), key=lambda tree: int(tree.stem[5:]))
    assert set(listed(repository, tmp_path)) == set(expected(newest))


@pytest.mark.parametrize("repository", REPOSITORIES, ids=repository_id)
def test_the_first_revision_is_reachable_and_empty(repository, tmp_path):
    files = [e for e in listed(repository, tmp_path, "-r", "1").values()
             if e["type"] == "file" and not e["path"].startswith("new_repository")]
    assert files == []


@pytest.mark.parametrize("variant", sorted(REFUSED))
@pytest.mark.parametrize("repository", REPOSITORIES, ids=repository_id)
def test_refuses_whitelist(repository, variant, tmp_path):
    process = tree_listing(repository, tmp_path, "-w", str(repository / "variants" / variant))
    assert process.returncode == 1
    assert process.stderr.startswith(REFUSED[variant] + ":")
    assert process.stdout == ""


@pytest.mark.parametrize("repository", REPOSITORIES, ids=repository_id)
def test_accepts_comments_and_two_fingerprints(repository, tmp_path):
    whitelist = repository / "variants/whitelist-comments-two-fingerprints"
    process = tree_listing(repository, tmp_path, "-w", str(whitelist))
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize("repository", REPOSITORIES, ids=repository_id)
def test_refuses_other_names_and_keys(repository, tmp_path):
    process = tree_listing(repository, tmp_path, name="other.example.net")
    assert process.stderr.startswith("name-mismatch:")
    other = next(r for r in REPOSITORIES if r != repository)
    process = tree_listing(repository, tmp_path, key=other / "keys" / f"{other.name}.pub")
    assert process.stderr.startswith("bad-signature:")


COUNTERS = {
    "regular": "SELECT count(*) FROM catalog WHERE flags & 4 AND NOT flags & 24",
    "symlink": "SELECT count(*) FROM catalog WHERE flags & 8",
    "special": "SELECT count(*) FROM catalog WHERE flags & 16",
    "dir": "SELECT count(*) FROM catalog WHERE flags & 1",
    "nested": "SELECT count(*) FROM nested_catalogs",
    "chunked": "SELECT count(*) FROM catalog WHERE flags & 64",
    "chunks": "SELECT count(*) FROM chunks",
    "file_size": "SELECT total(size) FROM catalog WHERE flags & 4 AND NOT flags & 24",
    "chunked_size": "SELECT total(size) FROM catalog WHERE flags & 64",
    "xattr": "SELECT count(*) FROM catalog WHERE xattr IS NOT NULL",
    "external": "SELECT count(*) FROM catalog WHERE flags & 128",
    "external_file_size": "SELECT total(size) FROM catalog WHERE flags & 128",
}


def check_counters(repository, name, scratch, seen):
    """Recompute the statistics of a catalog and all below; returns their sum."""
    if name in seen:
        return seen[name]
    path = scratch / name
    stored = (repository / "repository/data" / name[:2] / f"{name[2:]}C").read_bytes()
    path.write_bytes(zlib.decompress(stored))
    with sqlite3.connect(f"file:{path}?immutable=1", uri=True) as database:
        stated = dict(database.execute("SELECT counter, value FROM statistics"))
        own = {name: int(database.execute(sql).fetchone()[0]) for name, sql in COUNTERS.items()}
        children = [row[0] for row in database.execute("SELECT sha1 FROM nested_catalogs")]
    below = dict.fromkeys(COUNTERS, 0)
    for child in children:
        for counter, value in check_counters(repository, child, scratch, seen).items():
            below[counter] += value
    for counter in COUNTERS:
        assert stated[f"self_{counter}"] == own[counter], (name, counter)
        assert stated[f"subtree_{counter}"] == below[counter], (name, counter)
    seen[name] = {counter: own[counter] + below[counter] for counter in COUNTERS}
    return seen[name]


@pytest.mark.parametrize("repository", REPOSITORIES, ids=repository_id)
def test_the_counters_of_every_catalog_are_what_its_rows_add_up_to(repository, tmp_path):
    with sqlite3.connect(
        f"file:{repository / 'repository/.cvmfsreflog'}?immutable=1", uri=True
    ) as reflog:
        roots = [row[0] for row in reflog.execute("SELECT hash FROM refs WHERE type = 0")]
    seen = {}
    for root in roots:
        check_counters(repository, root, tmp_path, seen)
    assert len(seen) >= len(roots)
