# SPDX-License-Identifier: Apache-2.0
"""replicactl check of a Stratum 0: the same rules, and nobody to repair it from."""

import json
import pathlib
import random
import shutil
import sqlite3
import tempfile

import pytest

from cli import OWNER
from closure import manifest_fields, object_path
from collect import Store, write_checksum
from damage import files_of
from forger import Forger, alter
from sources import fill, write
from stratum0 import publish

FQRN = "sw.example.net"


@pytest.fixture(scope="module")
def made():
    with tempfile.TemporaryDirectory(prefix="replica-") as name:
        folder = pathlib.Path(name)
        stratum0 = publish(folder, FQRN, "minimum=16384", "average=32768", "maximum=65536")
        source = fill(folder / "source", random.Random(5), packages=2, files=3, large=60_000)
        for number in range(3):
            write(source / "sw" / "package1" / "v0" / "file0", b"%d" % number)
            stratum0.published.publish(source)
        stratum0.configure(CVMFS_PUBLIC_KEY=stratum0.key)
        stratum0.run("tag", "-a", "named").assert_ok()
        shutil.copytree(stratum0.published.folder, folder / "keep", symlinks=True)
        stratum0.keep = folder / "keep"
        yield stratum0


@pytest.fixture
def stratum0(made):
    shutil.rmtree(made.published.folder)
    shutil.copytree(made.keep, made.published.folder, symlinks=True)
    made.configure(CVMFS_PUBLIC_KEY=made.key)
    return made


def data_of(stratum0, suffix=""):
    """Objects of the head, by type."""
    tree = Store(stratum0.storage).tree(manifest_fields(stratum0.storage)["C"])
    letters = "CP"
    return sorted(path for path in tree if (path[-1] == suffix if suffix
                                            else path[-1] not in letters))


@pytest.mark.parametrize("flags", [[], ["-c"], ["-i"], ["-r"], ["-t", "named"],
                                   ["-s", "/sw/package1"], ["-i", "-t", "trunk-previous"]])
def test_a_sound_one_is_clean_and_stays_as_it_is(stratum0, flags):
    before = files_of(stratum0.storage)
    run = stratum0.run("check", *flags).assert_ok()
    assert "no problems found" in run.output
    assert files_of(stratum0.storage) == before and stratum0.leftovers() == []


def test_missing_empty_and_corrupt_objects_are_named(stratum0):
    missing, empty, corrupt = data_of(stratum0)[:3]
    (stratum0.storage / missing).unlink()
    (stratum0.storage / empty).write_bytes(b"")
    content = bytearray((stratum0.storage / corrupt).read_bytes())
    content[-1] ^= 1
    (stratum0.storage / corrupt).write_bytes(content)
    run = stratum0.run("check").assert_failed("1 missing", "1 empty")
    assert corrupt[5:7] + corrupt[8:] not in run.output
    run = stratum0.run("check", "-i").assert_failed("1 missing", "1 empty", "1 corrupt")
    for path in (missing, empty, corrupt):
        assert path[5:7] + path[8:] in run.output
    assert "no problems found" in stratum0.run("check", "-c").assert_ok().output


def test_a_wrong_counter_is_found(stratum0, folder):
    forger = Forger(folder, stratum0.published)
    forger.publish_catalog(alter(forger.inflated("C"), "UPDATE statistics SET value = value + 1 "
                                 "WHERE counter = 'self_regular'"))
    shutil.rmtree(stratum0.storage)
    forger.storage.rename(stratum0.storage)
    stratum0.run("check").assert_failed("self_regular")


def test_a_tag_whose_revision_is_gone_is_found(stratum0):
    """On a replica it may never have been there; here it was."""
    with sqlite3.connect(stratum0.storage / ".cvmfsreflog") as file:
        rows = file.execute("SELECT hash FROM refs WHERE type = 0").fetchall()
        previous = next(text for text, in rows if text in Store(stratum0.storage).tags()
                        and text != manifest_fields(stratum0.storage)["C"])
        file.execute("DELETE FROM refs WHERE hash = ?", (previous,))
    write_checksum(stratum0)
    (stratum0.storage / object_path(previous, "C")).unlink()
    stratum0.run("check").assert_ok()
    stratum0.run("check", "-i").assert_failed("missing", previous)


def test_the_reflog_is_repaired(stratum0):
    with open(stratum0.storage / ".cvmfsreflog", "ab") as file:
        file.write(b"x")
    stratum0.run("check").assert_failed("unexpected hash")
    stratum0.run("check", "-r").assert_ok()
    stratum0.run("check").assert_ok()
    (stratum0.storage / ".cvmfsreflog").unlink()
    stratum0.run("check").assert_failed("it is missing")
    stratum0.run("check", "-r").assert_ok()
    stratum0.run("check").assert_ok()


def test_there_is_nobody_to_repair_it_from(stratum0):
    (stratum0.storage / data_of(stratum0)[0]).unlink()
    before = files_of(stratum0.storage)
    stratum0.run("check", "--repair").assert_failed("is a stratum 0", "no server")
    assert files_of(stratum0.storage) == before


@pytest.mark.parametrize("flag, word", [(("-t", "none"), "no such tag: none"),
                                        (("-s", "/none"), "cannot find nested catalog")])
def test_what_is_not_there_cannot_be_checked(stratum0, flag, word):
    stratum0.run("check", *flag).assert_failed(word)


def test_the_public_key_is_where_the_client_has_it_or_among_the_keys(stratum0):
    stratum0.configure()
    stratum0.run("check").assert_ok()
    client = stratum0.confdir / "repositories.d" / FQRN / "client.conf"
    stratum0.key.rename(stratum0.key.with_name("elsewhere.pub"))
    stratum0.run("check").assert_failed(f"{FQRN}.pub")
    client.write_text(f"CVMFS_PUBLIC_KEY={stratum0.key.with_name('elsewhere.pub')}\n"
                      "CVMFS_NFILES=65536\n")
    stratum0.run("check").assert_ok()
    client.unlink()


def test_one_that_mkfs_made_is_clean_and_checks_of_all_include_it(site, folder):
    site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{FQRN}", FQRN)
    assert "no problems found" in site.run("check", "-i", FQRN)
    site.run("check", "-a")
    assert "no problems found" in (site.log / "checks.log").read_text()
    status = json.loads((site.storage / FQRN / ".cvmfs_status.json").read_text())
    assert status["check_status"] == "succeeded"
