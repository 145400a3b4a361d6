# SPDX-License-Identifier: Apache-2.0
"""replicactl adopt where users are hostile, disks full, repositories many."""

import os
import pwd
import shutil
import subprocess

import pytest

from cli import owner_of
from replica import REPLICACTL
from servers import SANITIZED
from test_adopt import (  # noqa: F401 (fixtures)
    NAME, NEW, OLD, OTHER, differences, needs_root, replica, server)


@needs_root
def test_a_link_of_the_system_is_not_followed_where_a_user_put_it(replica):
    """root's by its owner, but with a second name, which needs no rights of root."""
    outside = replica.folder / "outside"
    outside.mkdir()
    os.symlink(outside, replica.folder / "link")
    data = replica.storage / NAME / "data"
    data.rename(replica.folder / "away")
    os.link(replica.folder / "link", data, follow_symlinks=False)
    assert "not followed" in replica.adopt("-o", NEW, code=1)
    assert owner_of(outside) == "root"
    unit = replica.root / "etc/systemd/system/snapshotd.service.d/adopted.conf"
    assert f"{outside}\n" not in unit.read_text()
    assert f"{data.parent}\n" not in unit.read_text()


@needs_root
def test_no_link_becomes_roots_by_the_way_back(server, origin, published):
    """It would be followed by the next adoption."""
    storage = server.add(NAME, origin.url(NAME), published.key, "root")
    server.adopt("-o", NEW)
    link, own = storage / "data/00/link", storage / "data/00/own"
    os.symlink("/etc", link)
    os.symlink("/etc", own)
    os.lchown(link, pwd.getpwnam(NEW).pw_uid, -1)
    server.adopt("-o", NEW)
    assert owner_of(own) == "root"
    server.adopt("--undo")
    assert (owner_of(link), owner_of(own), owner_of(storage)) == (NEW, "root", "root")


@needs_root
def test_the_lock_files_are_their_users_afterwards(replica):
    """The reference, run by that user, opens them for writing."""
    lock = replica.spool / NAME / "is_updating.lock"
    replica.adopt("-o", NEW)
    assert owner_of(lock) == NEW
    replica.adopt("--undo")
    assert owner_of(lock) == OLD


@needs_root
def test_one_repository_does_not_keep_the_others_from_the_way_back(replica, origin, published):
    replica.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME)
    before = replica.picture()
    replica.adopt("-o", NEW)
    data = replica.storage / NAME / "data"
    data.rename(replica.folder / "away")
    os.symlink(replica.folder / "away", data)
    os.lchown(data, pwd.getpwnam(NEW).pw_uid, -1)
    output = replica.adopt("--undo", code=1)
    assert "not taken back: " in output and "1 steps could not be taken back" in output
    cron = replica.root / "etc/cron.d/cvmfs_stratum1_snapshot"
    assert cron.read_text().splitlines()[2].startswith("*/5")
    assert owner_of(replica.storage / OTHER) == OLD
    data.unlink()
    (replica.folder / "away").rename(data)
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


def test_it_says_how_to_go_on_and_back(replica):
    output = replica.adopt("--check", "-o", NEW)
    assert "Nothing was changed yet." in output and "adopt --undo takes it back" in output
    output = replica.adopt("-o", NEW)
    assert output.index("a2enconf replica") < output.index("reload httpd")
    assert f"--undo, which needs {replica.confdir}/adopted.json" in output
    output = replica.adopt("--undo")
    assert "changes were taken back." in output
    assert output.index("a2disconf replica") < output.index("reload httpd")


@needs_root
def test_a_full_disk_is_said_and_nothing_is_left_half_done(replica, folder):
    """The disk of the configuration is too small for the list of whose the files were."""
    for number in range(3000):
        path = replica.storage / NAME / f"data/00/{number:040d}"
        path.write_text("")
        os.chown(path, 2 + number % 2, -1)
    disk = folder / "disk"
    shutil.copytree(replica.confdir, disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", replica.confdir],
                      check=False, capture_output=True).returncode != 0:
        pytest.skip("may not mount")
    try:
        shutil.copytree(disk, replica.confdir, dirs_exist_ok=True)
        before = replica.picture()
        output = replica.adopt("-o", NEW, code=1)
        assert "No space left" in output
        assert owner_of(replica.storage / NAME) == OLD
        for path in replica.confdir.glob("adopted.owners.*"):
            assert path.stat().st_size < 4096
        replica.adopt("--undo")
        assert differences(before, replica.picture()) == []
    finally:
        subprocess.run(["umount", replica.confdir], check=True)


def test_a_repository_that_was_removed_since_is_no_fault(replica, origin, published):
    replica.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME)
    replica.adopt("-o", NEW)
    replica.run("rmfs", "-f", OTHER)
    replica.adopt("-o", NEW)
    output = replica.adopt("--undo", code=1)
    assert f"{replica.storage}/{OTHER} is gone: nothing to give back" in output
    assert "all were taken back but for what is said above" in output
    assert owner_of(replica.storage / NAME) == OLD
    assert not (replica.confdir / "adopted.json").exists()


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep what was freed")
def test_memory_does_not_grow_with_the_square_of_the_repositories(server, published):
    for number in range(200):
        server.add(f"r{number}.example.net", "http://127.0.0.1:1", published.key, OLD,
                   folders=1)
    # Not what wait4 tells: that has in it what this process was when it forked.
    process = subprocess.Popen(["sh", "-c", 'ulimit -d 256000 && exec "$@"', "sh", REPLICACTL,
                                "adopt", "--root", server.root, "--check", "-o", NEW],
                               env=server.environment(), stdout=subprocess.DEVNULL)
    assert process.wait() == 0
