# SPDX-License-Identifier: Apache-2.0
"""replicactl check: what is wrong with a replica is found, named, counted and repaired."""

import fcntl
import json
import random
import re
import shutil
import subprocess
import time

import pytest

from checked import FQRN, Below, Site, published, site  # noqa: F401 (fixtures)
from closure import manifest_fields, object_path
from damage import Damage, double_block, files_of
from forger import alter
from loops import count
from replica import REPLICACTL, Published
from servers import DEADLINE_SECONDS
from sources import fill
from tree import digest


@pytest.mark.parametrize("flags", [[], ["-c"], ["-i"], ["-r"], ["--repair"], ["-i", "--repair"]])
def test_a_sound_replica_is_clean_and_stays_as_it_is(site, flags):
    before = files_of(site.storage)
    run = site.check(*flags).assert_ok()
    assert "no problems found" in run.output
    assert files_of(site.storage) == before
    assert site.replica.leftovers() == []


def test_cvmfs_3878_random_damage_is_counted_and_repaired_from_the_second_upstream(site):
    """Bit rot, also where the reference finds it only with -i: cvmfs/cvmfs#2991, #3553, #3878."""
    before = files_of(site.storage)
    damage = Damage(site.storage, random.Random(3), count("DAMAGED_OBJECTS"))
    damage.do()
    site.origin.close()

    run = site.check("-i").assert_failed("CATALOG PROBLEMS")
    damaged = files_of(site.storage)
    run = site.check("-i", "--repair").assert_ok()
    assert "all problems are repaired" in run.output
    assert damage.counted(run.output) == damage.expected()
    assert files_of(site.storage) == before != damaged
    assert "no problems found" in site.check("-i").assert_ok().output
    site.replica.closure()
    # One that cannot be reached is asked once a run, not once an object.
    assert site.origin.paths() and len(site.second.paths()) >= damage.size


def test_a_doubled_block_is_found_by_reading_only(site):
    """cvmfs/cvmfs#2991, #3553: the length is right."""
    path = max((p for p in (site.storage / "data").glob("??/*") if p.name.endswith("P")),
               key=lambda p: p.stat().st_size)
    path.write_bytes(double_block(path.read_bytes(), random.Random(1)))
    site.check().assert_ok()
    name = path.parent.name + path.name
    site.check("-i").assert_failed(f"corrupt: object {name} of the catalog at /")
    site.check("-i", "--repair").assert_ok()
    site.check("-i").assert_ok()


def test_empty_and_missing_objects_are_found_without_reading(site):
    """cvmfs/cvmfs#2887, #3878."""
    paths = sorted(path for path in (site.storage / "data").glob("??/*")
                   if path.suffix == "" and path.name[-1].islower())[:2]
    content = [path.read_bytes() for path in paths]
    paths[0].write_bytes(b"")
    paths[1].unlink()
    run = site.check().assert_failed("1 missing objects, 0 of them repaired",
                                     "1 empty objects, 0 of them repaired")
    assert not site.second.paths()
    assert "repaired:" not in run.output
    assert "no problems found" in site.check("-c").assert_ok().output
    site.check("--repair").assert_ok()
    assert [path.read_bytes() for path in paths] == content


def test_cvmfs_3139_missing_metainfo_and_certificate_are_found_and_repaired(site):
    """cvmfs/cvmfs#3139."""
    fields = manifest_fields(site.storage)
    named = [(letter, site.storage / object_path(fields[letter], letter))
             for letter in "XMH" if fields.get(letter)]
    assert len(named) >= 2
    for letter, path in named:
        content = path.read_bytes()
        path.unlink()
        site.check().assert_failed(f"missing: object {fields[letter]}{letter}")
        site.check("--repair").assert_ok()
        assert path.read_bytes() == content


@pytest.mark.parametrize("first", ["down", "corrupt", "missing", "error"])
def test_upstreams_are_asked_in_order_until_one_has_it(site, first):
    path = next(p for p in sorted((site.storage / "data").glob("??/*")) if len(p.name) == 38)
    content = path.read_bytes()
    path.unlink()
    site.origin.heal()
    if first == "down":
        site.origin.close()
    else:
        site.origin.fault("data/", *{"corrupt": ["corrupt"], "missing": ["missing"],
                                     "error": ["status", 403]}[first])
    site.check("--repair").assert_ok()
    assert path.read_bytes() == content
    wanted = str(path.relative_to(site.storage))
    assert site.second.paths() == [wanted]
    assert first == "down" or site.origin.paths()[0] == wanted


def test_the_first_upstream_is_enough_if_it_has_the_object(site):
    path = next(p for p in sorted((site.storage / "data").glob("??/*")) if len(p.name) == 38)
    path.unlink()
    site.check("--repair").assert_ok()
    assert site.second.paths() == []


def test_what_nobody_has_stays_reported_and_wrong_bytes_go_aside(site):
    site.origin.fault("data/", "missing")
    site.second.fault("data/", "missing")
    path = next(p for p in sorted((site.storage / "data").glob("??/*")) if len(p.name) == 38)
    path.write_bytes(b"wrong")
    name = path.parent.name + path.name
    site.check("-i", "--repair").assert_failed(
        "1 corrupt objects, 0 of them repaired", "none of 2 upstreams has data/",
        f"moved {name} to the quarantine")
    assert (site.storage / "data/txn/quarantine" / name).read_bytes() == b"wrong"
    assert not path.exists()
    site.check("-i").assert_failed("1 missing objects")
    site.origin.heal()
    site.check("--repair").assert_ok()
    assert not (site.storage / "data/txn/quarantine").exists()


def nested_with_children(storage):
    """A catalog of the head that has a nested one, and everything below the first."""
    head = manifest_fields(storage)["C"]
    below = Below(storage)
    return next((path, text) for path, text in below.children(head)
                if below.children(text)), below


def test_a_missing_catalog_comes_back_after_all_that_is_below_it(site):
    (path, text), below = nested_with_children(site.storage)
    lost = below.below(text)
    assert len([name for name in lost if name.endswith("C")]) > 1
    contents = {name: (site.storage / name).read_bytes() for name in lost}
    for name in lost:
        (site.storage / name).unlink()
    site.check().assert_failed(f"missing: object {text}C (the catalog at {path})")
    # One object cannot be had: no catalog above it may vouch for it.
    held_back = sorted(name for name in lost if not name.endswith("C"))[0]
    for server in (site.origin, site.second):
        server.fault(held_back, "missing")
    site.check("--repair").assert_failed("something below it is missing")
    assert not (site.storage / object_path(text, "C")).exists()
    site.origin.heal()
    site.second.heal()
    site.check("--repair").assert_ok()
    assert {name: (site.storage / name).read_bytes() for name in lost} == contents
    asked = site.origin.paths()
    assert asked.count(object_path(text, "C")) == 1


def kill_a_repair(site, moments):
    before = files_of(site.storage)
    (_, text), below = nested_with_children(site.storage)
    lost = below.below(text)
    for name in lost:
        (site.storage / name).unlink()
    Damage(site.storage, moments, 150).do()
    process = site.begin("-i", "--repair")
    time.sleep(moments.random() * 0.6)
    process.kill()
    process.communicate()
    if (site.storage / object_path(text, "C")).exists():
        below.below(text)  # raises if the catalog came too early
    site.check("-i", "--repair").assert_ok()
    # The marker of the killed run stays until a snapshot has settled all doubts.
    site.replica.snapshot().assert_ok()
    assert files_of(site.storage) == before
    assert set(site.replica.leftovers()) <= {"quarantine"}


def test_a_repair_that_is_killed_is_finished_by_the_next(folder, published):
    moments = random.Random(5)
    for number in range(count("REPAIR_KILLS")):
        site = Site(folder / str(number), published)
        try:
            kill_a_repair(site, moments)
        finally:
            site.close()


def test_damaged_catalogs_of_older_revisions_come_back_too(folder):
    """No root leads to them any more, but clients still use them."""
    repository = Published(folder / "origin", FQRN, "tags=no")
    source = fill(folder / "source", random.Random(7))
    repository.publish(source)
    site = Site(folder, repository)
    try:
        for number in range(3):
            (source / "sw" / "package0" / "deep" / "new").write_bytes(bytes([number]))
            repository.publish(source)
            site.replica.snapshot().assert_ok()
        before = files_of(site.storage)
        reached = site.replica.closure().objects
        old = [path for path in sorted((site.storage / "data").glob("??/*C"))
               if str(path.relative_to(site.storage)) not in reached]
        assert len(old) >= 3
        for path in old:
            path.write_bytes(path.read_bytes()[:-1])
        site.check().assert_ok()
        found = f"{len(old)} corrupt objects, "
        site.check("-i").assert_failed(found + "0 of them repaired")
        site.check("-i", "--repair").assert_ok()
        assert files_of(site.storage) == before
    finally:
        site.close()


def test_a_repair_finishes_an_interrupted_collection_first(site):
    journal = site.storage / ".replica_gc_journal"
    journal.write_text("cut off")
    site.check().assert_ok()
    assert journal.exists()
    site.check("--repair").assert_ok()
    assert not journal.exists()


class TestReflog:
    """cvmfs/cvmfs#3123, #3206, #3514, #4416."""

    def checksum(self, site):
        return site.replica.spool / "reflog.chksum"

    def assert_repaired(self, site, *words):
        site.check().assert_failed("reflog: .cvmfsreflog: ", *words)
        site.check("-r").assert_ok()
        assert "no problems found" in site.check().assert_ok().output
        reflog = (site.storage / ".cvmfsreflog").read_bytes()
        assert self.checksum(site).read_text().strip() == digest(reflog)

    def test_another_checksum(self, site):
        self.checksum(site).write_text("0123456789" * 4)
        self.assert_repaired(site, "unexpected hash")

    def test_no_checksum(self, site):
        self.checksum(site).unlink()
        self.assert_repaired(site, "no checksum")

    def test_no_reflog(self, site):
        (site.storage / ".cvmfsreflog").unlink()
        self.assert_repaired(site, "missing")

    def test_a_damaged_reflog(self, site):
        path = site.storage / ".cvmfsreflog"
        path.write_bytes(b"no database" * 100)
        self.assert_repaired(site)

    def test_a_reflog_that_lacks_the_head(self, site):
        path = site.storage / ".cvmfsreflog"
        head = manifest_fields(site.storage)["C"]
        path.write_bytes(alter(path.read_bytes(), f"DELETE FROM refs WHERE hash = '{head}'"))
        self.checksum(site).write_text(digest(path.read_bytes()))
        self.assert_repaired(site, f"it lacks {head}C of the manifest")

    def test_a_repair_includes_it(self, site):
        (site.storage / ".cvmfsreflog").unlink()
        site.check("--repair").assert_ok()
        assert "no problems found" in site.check().assert_ok().output


def test_a_tag_and_a_subtree(site):
    assert "Inspecting repository tag trunk-previous" in site.check(
        "-t", "trunk-previous").assert_ok().output
    site.check("-t", "nowhere").assert_failed("no such tag: nowhere")
    output = site.check("-s", "/sw/package0/deep/").assert_ok().output
    assert re.findall(r"inspecting catalog] .* at (.*)", output) == ["/sw/package0/deep"]
    output = site.check("-s", "sw/package0").assert_ok().output
    assert sorted(re.findall(r"inspecting catalog] .* at (.*)", output)) == [
        "/sw/package0", "/sw/package0/deep"]
    site.check("-s", "/sw").assert_failed("cannot find nested catalog at /sw")


def test_usage(site):
    for flags in (["-c", "-i"], ["-c", "--repair"], ["-a", "-t", "v1"], ["-x"]):
        run = site.check(*flags)
        assert run.code == 3, run.output
    assert site.check("-a").code == 1  # with a name


def test_it_waits_for_a_collection_and_a_repair_also_for_an_update(site):
    spool = site.replica.spool
    for lock, flags, word in (("is_collecting", [], "garbage collection"),
                              ("is_collecting", ["-t", "trunk"], "garbage collection"),
                              ("is_updating", ["--repair"], "an update"),
                              ("is_updating", ["-r"], "an update")):
        with open(spool / f"{lock}.lock", "a", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            process = site.begin(*flags)
            while "waiting for" not in (line := process.stdout.readline()):
                assert line, "it did not wait"
            assert word in line
            assert process.poll() is None
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
        assert "no problems found" in output and process.returncode == 0
    with open(spool / "is_updating.lock", "a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        site.check().assert_ok()


class TestAll:
    """check -a"""

    def run(self, site, code=0, flags=()):
        process = subprocess.run([REPLICACTL, "check", "-a", *flags], text=True,
                                 capture_output=True, env=site.replica.environment(),
                                 timeout=4 * DEADLINE_SECONDS, check=False)
        assert process.returncode == code, process.stderr
        return process.stderr

    def log(self, site):
        path = site.replica.log / "checks.log"
        return path.read_text() if path.exists() else ""

    def set_checked(self, site, name, seconds):
        path = site.replica.folder / "srv" / name / ".cvmfs_status.json"
        status = json.loads(path.read_text())
        status["last_check"] = time.strftime("%a %b %e %H:%M:%S UTC %Y", time.gmtime(seconds))
        path.write_text(json.dumps(status))

    def twin(self, site, name):
        """Another replica of the same repository, under another local name."""
        shutil.copytree(site.storage, site.storage.parent / name)
        shutil.copytree(site.replica.spool, site.replica.spool.parent / name)
        folder = site.replica.confdir / "repositories.d"
        shutil.copytree(folder / FQRN, folder / name)
        text = (folder / name / "server.conf").read_text()
        for path in (site.storage, site.replica.spool):
            text = text.replace(str(path), str(path.parent / name))
        (folder / name / "server.conf").write_text(text)

    def test_the_oldest_first_and_only_those_whose_turn_it_is(self, site):
        names = ["a.example.net", "b.example.net", "c.example.net"]
        for name in names:
            self.twin(site, name)
        now = time.time()
        day = 86400
        self.set_checked(site, FQRN, now - 40 * day)
        self.set_checked(site, names[0], now - 29 * day)
        self.set_checked(site, names[1], now - 50 * day)
        self.run(site)
        order = re.findall(r"^Starting (\S+) at \w+ \w+ [ \d]\d \S+ UTC \d{4}$", self.log(site),
                           re.M)
        assert order == [names[2], names[1], FQRN]
        assert re.findall(r"^Finished (\S+) at ", self.log(site), re.M) == order
        status = site.status()
        assert status["check_status"] == "succeeded" and status["last_snapshot"]
        time.strptime(status["last_check"], "%a %b %d %H:%M:%S %Z %Y")
        before = self.log(site)
        self.run(site)
        assert self.log(site) == before

    def test_a_failure_is_recorded_and_the_exit_is_clean(self, site):
        path = next(p for p in sorted((site.storage / "data").glob("??/*")) if len(p.name) == 38)
        path.unlink()
        self.run(site)
        assert site.status()["check_status"] == "failed"
        assert "ERROR from cvmfs_server check!" in self.log(site)
        assert "1 missing objects, 0 of them repaired" in self.log(site)
        # A failure that an administrator saw is not recorded, a success is: the key is there.
        checked = site.status()["last_check"]
        site.check().assert_failed("missing")
        assert site.status()["check_status"] == "failed"
        assert site.status()["last_check"] == checked
        site.check("--repair").assert_ok()
        assert site.status()["check_status"] == "succeeded"

    def test_a_single_check_begins_no_record(self, site):
        site.check().assert_ok()
        assert "last_check" not in site.status()

    def test_one_such_run_at_a_time(self, site):
        with open(site.replica.folder / "spool" / "is_checking_all.lock", "a",
                  encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self.run(site, code=1)
        assert self.log(site) == ""

    def test_it_repairs_too(self, site):
        path = next(p for p in sorted((site.storage / "data").glob("??/*")) if len(p.name) == 38)
        path.write_bytes(b"")
        self.run(site, flags=["-i", "--repair"])
        assert "1 empty objects, 1 of them repaired" in self.log(site)
        assert site.status()["check_status"] == "succeeded"
