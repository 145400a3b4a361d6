# SPDX-License-Identifier: Apache-2.0
"""What a repository begins with: profiles, marks, and the number of its first revision."""
import shutil
import time

import pytest

from cli import OWNER
from closure import manifest_fields
from repository_checks import Repository

NAME = "own.example.net"


@pytest.fixture
def source(folder):
    path = folder / "source"
    path.mkdir()
    (path / "file").write_text("content")
    path.chmod(0o755)
    return path


def root_properties(site, folder):
    """Of the root catalog, read with the sqlite3 tool."""
    view, scratch = folder / "view", folder / "scratch"
    for path in (view, scratch):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    (view / "storage").symlink_to(site.storage / NAME)
    repository = Repository(view, NAME, scratch)
    return repository.database(manifest_fields(site.storage / NAME)["C"], "C")[0].properties()


def revision(site):
    return int(manifest_fields(site.storage / NAME)["S"])


def test_the_ephemeral_profile(site, folder, source):
    before = int(time.time())
    site.run("mkfs", "-o", OWNER, "--profile", "ephemeral", NAME)
    text = site.configuration(NAME).read_text()
    for line in ("CVMFS_COMPRESSION_ALGORITHM=none", "CVMFS_GARBAGE_COLLECTION=true",
                 "CVMFS_AUTO_TAG=false", "CVMFS_MIN_CHUNK_SIZE=67108864",
                 "CVMFS_AVG_CHUNK_SIZE=134217728", "CVMFS_MAX_CHUNK_SIZE=268435456",
                 "CVMFS_USE_FILE_CHUNKING=true", "CVMFS_FILE_MBYTE_LIMIT=4096",
                 "REPLICA_PROMPT_GC=true",
                 "CVMFS_REPOSITORY_TTL=60"):
        assert text.count(line + "\n") == 1, line
    assert revision(site) > before
    site.run("ingest", "--from", source, NAME)
    fields = manifest_fields(site.storage / NAME)
    assert fields["D"] == "60" and fields["G"] == "yes"
    assert root_properties(site, folder)["volatile"] == "1"
    assert "trunk-previous" not in site.run("tag", "-l", NAME)
    assert "specify a tag name (-t)" in site.run("rollback", "-f", NAME, code=1)


def test_what_is_asked_for_is_stronger_than_the_profile(site):
    site.run("mkfs", "-o", OWNER, "-Z", "zlib", "--profile", "ephemeral", NAME)
    assert "CVMFS_COMPRESSION_ALGORITHM=default\n" in site.configuration(NAME).read_text()


def test_an_unknown_profile_is_refused(site):
    assert "profile 'fast': use default or ephemeral" in site.run(
        "mkfs", "-o", OWNER, "--profile", "fast", NAME, code=1)
    assert not site.configuration(NAME).exists()


def test_marks_outlive_every_way_to_a_next_revision(site, folder, source):
    site.run("mkfs", "-o", OWNER, "-v", "-V", "/grid/voms", NAME)
    marks = {"volatile": "1", "voms_authz": "/grid/voms"}
    assert marks.items() <= root_properties(site, folder).items()
    site.run("ingest", "--from", source, NAME)
    assert marks.items() <= root_properties(site, folder).items(), "a directory"
    site.run("tag", "-a", "first", NAME)
    site.run("ingest", "-d", "file", NAME)
    assert marks.items() <= root_properties(site, folder).items(), "a change set"
    site.run("rollback", "-f", "-t", "first", NAME)
    assert marks.items() <= root_properties(site, folder).items(), "a rollback"


def test_without_marks_there_are_none(site, folder):
    site.run("mkfs", "-o", OWNER, NAME)
    assert not {"volatile", "voms_authz"} & set(root_properties(site, folder))


def test_revisions_survive_a_new_beginning(site, source, folder):
    site.run("mkfs", "-o", OWNER, NAME)
    assert revision(site) == 1
    for _ in range(3):
        site.run("ingest", "--from", source, NAME)
    (site.confdir / "keys").rename(folder / "safe")
    site.run("rmfs", "-f", NAME)
    before = int(time.time())
    assert "the keys are not new" in site.run("mkfs", "-o", OWNER, "-k", folder / "safe", NAME)
    assert revision(site) > before > 4
    assert "previous_revision" in root_properties(site, folder)
    site.run("ingest", "--from", source, NAME)


def test_automatic_tags_and_their_time_span(site):
    site.run("mkfs", "-o", OWNER, "-G", "2 weeks ago", NAME)
    assert 'CVMFS_AUTO_TAG_TIMESPAN="2 weeks ago"\n' in site.configuration(NAME).read_text()
    for span in ("whenever", "$(reboot)"):
        assert "(-G)" in site.run("mkfs", "-o", OWNER, "-G", span, "other.example.net", code=1)
    assert not site.configuration("other.example.net").exists()
