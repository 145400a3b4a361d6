# SPDX-License-Identifier: Apache-2.0
"""replicactl publish: a directory as the next revision, with a tag."""

import pytest

from cli import OWNER
from closure import manifest_fields

NAME = "own.example.net"


@pytest.fixture
def made(site, folder):
    (folder / "source" / "deep").mkdir(parents=True)
    (folder / "source" / "deep" / "file").write_text("content")
    site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", NAME)
    site.source = folder / "source"
    return site


def revision(site):
    return int(manifest_fields(site.storage / NAME)["S"])


def test_a_directory_becomes_a_revision_with_a_tag(made):
    output = made.run("publish", "--from", made.source, "-a", "v1", "-m", "the first", NAME)
    assert f"Published revision 2 of {NAME}" in output and revision(made) == 2
    assert "the first" in made.run("tag", "-i", "v1", NAME)
    assert "/deep/file" in made.run("diff", "-m", NAME)
    made.run("publish", "--from", made.source, NAME)
    assert revision(made) == 3
    assert "no problems found" in made.run("check", "-i", NAME)


def test_a_tag_that_is_there_or_is_none_publishes_nothing(made):
    made.run("tag", "-a", "v1", NAME)
    before = (made.storage / NAME / ".cvmfspublished").read_bytes()
    assert "already exists" in made.run("publish", "--from", made.source, "-a", "v1", NAME, code=1)
    assert "is no name" in made.run("publish", "--from", made.source, "-a", "v 1", NAME, code=1)
    made.run("publish", "--from", made.source, "-a", "trunk", NAME, code=1)
    assert "(-a)" in made.run("publish", "--from", made.source, "-m", "words", NAME, code=3)
    assert (made.storage / NAME / ".cvmfspublished").read_bytes() == before


@pytest.mark.parametrize("verb", ["publish", "transaction", "abort", "enter"])
def test_there_are_no_transactions(made, verb):
    output = made.run(verb, NAME, code=1)
    assert "there are no transactions" in output and "publish --from DIRECTORY" in output


def test_a_directory_that_is_not_there(made):
    assert "cannot open" in made.run("publish", "--from", made.folder / "none", NAME, code=1)
    assert revision(made) == 1
