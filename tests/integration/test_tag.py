# SPDX-License-Identifier: Apache-2.0
"""replicactl tag, rollback and resign: what they do and refuse, and what clients see of it."""

import re
import shutil
import sqlite3
import zlib

import pytest

from cli import OWNER
from closure import Closure, manifest_fields

NAME = "own.example.net"
REVISIONS = 4
TIME = r"\d\d \w{3} \d{4} \d\d:\d\d:\d\d"


@pytest.fixture
def made(site, folder):
    """A repository with REVISIONS revisions; .roots are their catalogs."""
    source = folder / "source"
    source.mkdir()
    site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", NAME)
    site.roots = {1: head(site)["C"]}
    for revision in range(2, REVISIONS + 1):
        (source / f"file{revision}").write_text(str(revision))
        site.run("ingest", "--from", source, NAME)
        site.roots[revision] = head(site)["C"]
    return site


def head(site):
    return manifest_fields(site.storage / NAME)


def lines(site):
    """The machine's list: {name: fields}."""
    rows = [line.split(" ", 6) for line in site.run("tag", "-x", NAME).splitlines()]
    return {row[0]: row[1:] for row in rows}


def tags_of(site, folder):
    """What is in the database, by SQLite alone."""
    digits = head(site)["H"]
    path = folder / "tags.db"
    path.write_bytes(zlib.decompress(
        (site.storage / NAME / "data" / digits[:2] / f"{digits[2:]}H").read_bytes()))
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    rows = database.execute("SELECT name, hash, revision, branch FROM tags").fetchall()
    previous = database.execute(
        "SELECT value FROM properties WHERE key = 'previous_revision'").fetchone()[0]
    database.close()
    return {row[0]: row[1:] for row in rows}, previous


def test_each_revision_has_its_tags(made, folder):
    rows = lines(made)
    assert rows["trunk"][0] == made.roots[REVISIONS] and rows["trunk"][2] == str(REVISIONS)
    assert rows["trunk"][4:] == ["(default)", "current HEAD"]
    assert rows["trunk-previous"][0] == made.roots[REVISIONS - 1]
    automatic = [name for name in rows if name.startswith("generic")]
    assert len(automatic) == REVISIONS
    assert {rows[name][0] for name in automatic} == set(made.roots.values())
    assert set(tags_of(made, folder)[0]) == set(rows)


def test_a_tag_is_added_shown_and_listed(made, folder):
    before = head(made)
    assert made.run("tag", "-a", "v1.0", "-m", "the first one", NAME) == ""
    after = head(made)
    assert {key for key in "CRBDSNX" if before.get(key) == after.get(key)} == set("CRBDSNX")
    assert after["H"] != before["H"] and int(after["T"]) >= int(before["T"])
    Closure(made.storage / NAME)
    assert tags_of(made, folder) == (
        {**{name: (row[0], int(row[2]), "") for name, row in lines(made).items()},
         "v1.0": (made.roots[REVISIONS], REVISIONS, "")}, before["H"])
    shown = made.run("tag", "-i", "v1.0", NAME)
    assert re.fullmatch(
        f"Name:         v1.0\nRevision:     {REVISIONS}\nTimestamp:    {TIME}\n"
        f"Branch:       \nRoot Hash:    {made.roots[REVISIONS]}\n"
        r"Catalog Size: [\d.]+ kiB\nthe first one\n", shown), shown
    assert made.run("tag", "-x", "-i", "v1.0", NAME).startswith(f"v1.0 {made.roots[REVISIONS]} ")
    table = made.run("tag", NAME).splitlines()
    assert table[0].split() == ["Name", "│", "Revision", "│", "Timestamp", "│", "Branch", "│",
                                "Description"]
    assert re.match(rf"v1\.0 +│ +{REVISIONS} │ {TIME} +│ +│ the first one$",
                    next(line for line in table if line.startswith("v1.0")))
    assert table[-1] == f"listing contains {REVISIONS + 3} tags"
    for verb in ("lstags", "list-tags"):
        assert made.run(verb, NAME) == made.run("tag", "-l", NAME)
    assert made.run("tag", "-b", NAME) == "(default) @0\n"
    assert made.run("tag", "-b", "-x", NAME) == "[0] (default) @0\n"


def test_a_tag_is_moved_only_to_a_catalog_that_is_named(made):
    made.run("tag", "-a", "stable", "-m", "why", "-h", made.roots[2], NAME)
    assert lines(made)["stable"][0:3:2] == [made.roots[2], "2"]
    assert "already exists. Do you want to move it? (-h <root hash>)" in made.run(
        "tag", "-a", "stable", NAME, code=1)
    assert f"already points to '{made.roots[2]}'" in made.run(
        "tag", "-a", "stable", "-h", made.roots[2], NAME, code=1)
    assert made.run("tag", "-a", "stable", "-h", made.roots[3], NAME) == (
        f"moving tag 'stable' from '{made.roots[2]}' to '{made.roots[3]}'\n")
    assert lines(made)["stable"][0] == made.roots[3] and lines(made)["stable"][5] == "why"


def test_tags_are_removed_all_or_none(made):
    for name in ("a", "b", "c"):
        made.run("tag", "-a", name, NAME)
    before = head(made)
    assert "tag 'never' does not exist" in made.run("tag", "-f", "-r", "a", "-r", "never", NAME,
                                                    code=1)
    assert head(made) == before
    asked = made.run("tag", "-r", "a", NAME, stdin="n\n", code=1)
    assert f"You are about to remove these tags from {NAME}:\n* a\n" in asked
    assert head(made) == before
    root = made.roots[REVISIONS]
    assert f"deleting 'a' ({root})" in made.run("tag", "-r", "a", NAME, stdin="y\n")
    assert made.run("tag", "-f", "-r", "b", "-r", "c", NAME) == (
        f"deleting 'b' ({root})\ndeleting 'c' ({root})\n")
    assert not {"a", "b", "c"} & lines(made).keys()
    Closure(made.storage / NAME)


@pytest.mark.parametrize("arguments, message", [
    (["-a", "with blank"], "is no name for a tag"),
    (["-a", "nul\ttab"], "is no name for a tag"),
    (["-a", ""], "is no name for a tag"),
    (["-a", "trunk"], "moved by each publication"),
    (["-f", "-r", "trunk-previous"], "not removed by hand"),
    (["-a", "x", "-h", "abc"], "failed to read provided catalog hash 'abc'"),
    (["-a", "x", "-h", "0" * 39 + "1"], "0" * 39 + "1C"),
    (["-i", "x"], "tag 'x' does not exist"),
    (["-l", "-a", "x"], "Ambiguous parameters"),
])
def test_what_is_refused_changes_nothing(made, arguments, message):
    before = head(made)
    assert message in made.run("tag", *arguments, NAME, code=1)
    assert head(made) == before
    assert not (made.storage / NAME / ".replica_dirty").exists()


def test_it_is_for_repositories_that_are_published_here(made, origin, published):
    made.run("add-replica", "-o", OWNER, origin.url(published.fqrn), published.key)
    assert f"{published.fqrn} is not a stratum 0 repository" in made.run(
        "tag", "-a", "x", published.fqrn, code=1)
    assert "does not exist" in made.run("tag", "no.such.example.net", code=1)
    assert "Unrecognized option" in made.run("tag", "-q", NAME, code=3)


def test_old_automatic_tags_go(made, folder):
    made.run("tag", "-a", "generic", NAME)
    configuration = made.configuration(NAME)
    text = configuration.read_text()
    configuration.write_text(re.sub("CVMFS_AUTO_TAG_TIMESPAN=.*",
                                    'CVMFS_AUTO_TAG_TIMESPAN="never"', text))
    assert "CVMFS_AUTO_TAG_TIMESPAN" in made.run("ingest", "--from", folder / "source", NAME, code=1)
    # All there are is older than that.
    configuration.write_text(re.sub("CVMFS_AUTO_TAG_TIMESPAN=.*",
                                    'CVMFS_AUTO_TAG_TIMESPAN="@9999999999"', text))
    made.run("ingest", "--from", folder / "source", NAME)
    rows = lines(made)
    assert len([name for name in rows if name.startswith("generic-") or
                name.startswith("generic_")]) == 1
    assert "generic" in rows, "that one has been given by hand"


def test_a_rollback_is_a_new_revision(made):
    for revision in (2, 3):
        made.run("tag", "-a", f"v{revision}", "-h", made.roots[revision], NAME)
    before = head(made)
    output = made.run("rollback", "-f", "-t", "v2", NAME)
    assert f"removed tag v3 ({made.roots[3]})" in re.sub(" +", " ", output)
    assert output.endswith(f"Published revision {REVISIONS + 1} of {NAME}\n")
    after = head(made)
    assert after["S"] == str(REVISIONS + 1) and int(after["T"]) >= int(before["T"])
    rows = lines(made)
    assert rows["v2"][0] == rows["trunk"][0] == after["C"] != made.roots[2]
    assert rows["v2"][2] == str(REVISIONS + 1)
    assert "v3" not in rows and "trunk-previous" not in rows
    catalog = catalog_of(made, after["C"])
    old = catalog_of(made, made.roots[2])
    assert catalog["rows"] == old["rows"] and catalog["statistics"] == old["statistics"]
    assert catalog["properties"]["revision"] == str(REVISIONS + 1)
    assert catalog["properties"]["previous_revision"] == before["C"]
    Closure(made.storage / NAME)
    assert "More than one anonymous undo rollback is not supported" in made.run(
        "rollback", "-f", NAME, code=1)


def catalog_of(site, digits):
    path = site.storage / "catalog.db"
    path.write_bytes(zlib.decompress(
        (site.storage / NAME / "data" / digits[:2] / f"{digits[2:]}C").read_bytes()))
    database = sqlite3.connect(path)
    found = {"rows": sorted(database.execute("SELECT * FROM catalog").fetchall()),
             "statistics": sorted(database.execute("SELECT * FROM statistics").fetchall()),
             "properties": dict(database.execute("SELECT key, value FROM properties"))}
    found["properties"] = {key: str(value) for key, value in found["properties"].items()}
    database.close()
    path.unlink()
    return found


def test_the_last_publication_is_undone_once(made, folder):
    asked = made.run("rollback", NAME, stdin="n\n", code=1)
    assert "You are about to UNDO your last published revision!" in asked
    assert head(made)["S"] == str(REVISIONS)
    made.run("rollback", NAME, stdin="y\n")
    assert catalog_of(made, head(made)["C"])["rows"] == catalog_of(made, made.roots[3])["rows"]
    assert "More than one anonymous undo" in made.run("rollback", "-f", NAME, code=1)
    made.run("ingest", "--from", folder / "source", NAME)
    assert head(made)["S"] == str(REVISIONS + 2)
    assert lines(made)["trunk-previous"][2] == str(REVISIONS + 1)
    made.run("rollback", "-f", NAME)
    assert catalog_of(made, head(made)["C"])["rows"] == catalog_of(made, made.roots[3])["rows"]


@pytest.mark.parametrize("arguments, message", [
    (["-t", "never"], "Target tag 'never' does not exist"),
    (["-t", "trunk"], f"not rolling back to current head ({REVISIONS})"),
])
def test_a_rollback_to_nowhere_is_refused(made, arguments, message):
    before = head(made)
    assert message in made.run("rollback", "-f", *arguments, NAME, code=1)
    assert head(made) == before


def test_a_whitelist_is_signed_anew(made):
    path = made.storage / NAME / ".cvmfswhitelist"
    before, old = path.read_bytes(), head(made)
    assert made.run("resign", "-d", "10", NAME) == "Signing 10 day whitelist... done\n"
    now = path.read_bytes()
    assert now.split(b"\n")[1] < before.split(b"\n")[1], "it ends sooner"
    assert head(made) == old
    assert "more than 30 days" in made.run("resign", "-d", "31", NAME, stdin="n\n", code=1)
    assert path.read_bytes() == now
    made.run("resign", "-f", "-d", "31", NAME)
    assert path.read_bytes().split(b"\n")[1] > before.split(b"\n")[1]
    assert "Cannot use -d with -p" in made.run("resign", "-p", "-d", "3", NAME, code=1)
    assert "-d wants days" in made.run("resign", "-d", "0", NAME, code=3)


def test_the_present_revision_is_signed_by_a_new_key(made):
    """The certificate is another one then; what is published stays."""
    before, keys = head(made), made.confdir / "keys"
    for ending in ("key", "crt"):
        (keys / f"{NAME}.{ending}").unlink()
    made.run("mkfs", "-o", OWNER, "other.example.net")
    for ending in ("key", "crt"):
        path = keys / f"{NAME}.{ending}"
        path.write_bytes((keys / f"other.example.net.{ending}").read_bytes())
        path.chmod(0o400)
        shutil.chown(path, OWNER)
    made.run("resign", NAME)
    assert made.run("resign", "-p", NAME) == "Signing .cvmfspublished... done\n"
    after = head(made)
    assert after["X"] != before["X"]
    assert {key for key in "CRBDSNH" if before.get(key) == after.get(key)} == set("CRBDSNH")
    Closure(made.storage / NAME)
