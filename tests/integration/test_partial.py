# SPDX-License-Identifier: Apache-2.0
"""Partial replicas (cvmfs/cvmfs#3554, #4184): the store holds exactly what the rules include."""

import functools
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

import pytest

from closure import Closure, manifest_fields, object_path, stored_objects
from origin import Origin
from partial import Rules
from power_cut import Recording
from replica import REPLICACTL, Published, Replica
from servers import DEADLINE_SECONDS, wait_until
from sources import change, fill, write

FQRN = "sw.example.net"
NAMES = [".cvmfs_partial_replica", ".cvmfs_partial_replication"]
MARKER = ".replica_rules_change"
NARROW = "version 1\n/sw/package1\n/sw/package3\n"
WIDE = "version 1\n# more of it\n/sw\n!/sw/package5\n!*/deep\n"
OTHER = "version 1\n/sw/package[0]\n/sw/package?\n!/*2\n!/sw/package0/d*\n"


class Included(Closure):
    """What RULES include of the published revision and its tags."""

    def __init__(self, storage, rules):
        self.rules = Rules(rules)
        super().__init__(storage)

    def nested(self, database):
        return [child.decode() for path, child in database.execute(
            "SELECT path, sha1 FROM nested_catalogs")
            if not self.rules.exclude(path.decode())]


def included(storage, rules):
    return (Closure(storage) if rules is None else Included(storage, rules)).objects


class Revisions:
    """A repository of three revisions, copies of its storage."""

    def __init__(self, folder):
        source = fill(folder / "source", random.Random(7), packages=7, files=4, large=60_000)
        for package in range(7):  # a nested catalog in each package's own one
            write(source / f"sw/package{package}/inner/.cvmfscatalog", b"")
            write(source / f"sw/package{package}/inner/file", b"inner %d" % package)
        published = Published(folder / "origin", FQRN, "minimum=16384", "average=32768",
                              "maximum=65536", "collectable=yes", "tags=no")
        self.key = published.key
        self.storages = []
        for revision in range(3):
            if revision == 1:
                change(source, random.Random(8))
            for package in (1, 3, 5) if revision > 0 else ():
                name = f"new{revision}"
                write(source / f"sw/package{package}/{name}", f"{name} {package}".encode())
                write(source / f"sw/package{package}/inner/{name}",
                      f"{name} inner {package}".encode())
            published.publish(source)
            self.storages.append(folder / f"revision{revision}")
            shutil.copytree(published.storage, self.storages[-1])


class Site:
    """An origin that offers one of the revisions, and a replica of it."""

    def __init__(self, folder, revisions):
        self.folder = folder
        self.revisions = revisions.storages
        self.origin = Origin({FQRN: self.revisions[0]}, random.Random(1))
        self.spec = folder / "rules"
        self.replica = Replica(folder / "replica", FQRN, self.origin.url(FQRN), revisions.key)
        self.storage = self.replica.storage

    def offer(self, revision):
        self.origin.repositories[FQRN] = self.revisions[revision]
        self.origin.heal()

    def rule(self, rules):
        settings = {}
        if rules is not None:
            self.spec.write_text(rules)
            settings = {"CVMFS_PARTIAL_REPLICATION": "true",
                        "CVMFS_PARTIAL_REPLICATION_SPEC": self.spec}
        self.replica.configure(**settings)

    def snapshot(self, rules, revision=0):
        self.rule(rules)
        self.offer(revision)
        return self.replica.snapshot().assert_ok().output

    def assert_holds(self, rules, exactly=False):
        """All that the rules include, and the rules are there for clients to read."""
        expected = included(self.origin.repositories[FQRN], rules)
        present = stored_objects(self.storage)
        assert expected <= present
        if exactly:
            # Tag databases are as old as what is kept.
            assert {path for path in present - expected if path[-1] != "H"} == set()
        for name in NAMES:
            path = self.storage / name
            assert (path.read_text() if path.exists() else None) == rules
        assert not (self.storage / MARKER).exists()
        assert self.replica.leftovers() == []
        assert self.replica.manifest() == (
            self.origin.repositories[FQRN] / ".cvmfspublished").read_bytes()

    def check(self, *flags, code=0):
        done = subprocess.run([REPLICACTL, "check", *flags, FQRN], text=True,
                              capture_output=True, env=self.replica.environment(),
                              timeout=4 * DEADLINE_SECONDS, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def catalog_at(self, path, revision=0):
        """The path of the object of a nested catalog."""
        return next(name for name, at in self.catalogs(revision) if at == path)

    def catalogs(self, revision):
        storage = self.revisions[revision]
        to_do, closure = [manifest_fields(storage)["C"]], Closure(storage)
        while to_do:
            file, database = closure.database(
                (storage / object_path(to_do.pop(), "C")).read_bytes())
            for path, text in database.execute("SELECT path, sha1 FROM nested_catalogs"):
                to_do.append(text.decode())
                yield object_path(text.decode(), "C"), path.decode()
            database.close()
            file.close()


def memory_folder():
    """What is safe is not the disk's question."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = pathlib.Path(tempfile.mkdtemp(prefix="replica-", dir=memory))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def revisions():
    folder = memory_folder()
    yield Revisions(folder)
    shutil.rmtree(folder)


@pytest.fixture
def site(revisions):
    folder = memory_folder()
    site = Site(folder, revisions)
    yield site
    site.origin.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("rules", [NARROW, WIDE, OTHER, "version 1\n", "version 1\n/\n!*/inner\n"])
def test_cvmfs_3554_4184_the_store_holds_exactly_what_the_rules_include(site, rules):
    for revision in range(3):
        output = site.snapshot(rules, revision)
        assert re.search(r"Left out \d+ nested catalogs", output)
        site.assert_holds(rules, exactly=revision == 0)
    assert site.check("-i").count("inspecting catalog") > 0
    site.replica.gc("-r", "0").assert_ok()
    site.assert_holds(rules, exactly=True)
    assert "Catalog up to date" in site.replica.snapshot().assert_ok().output


def test_more_rules_fetch_what_is_new_and_less_leave_it_for_gc(site):
    site.snapshot(NARROW)
    narrow = stored_objects(site.storage)
    site.snapshot(WIDE)
    site.assert_holds(WIDE, exactly=True)
    fetched = [path for path in site.origin.paths() if path.startswith("data/")]
    assert set(fetched) == included(site.revisions[0], WIDE) - narrow, "what is new, once each"
    assert len(fetched) == len(set(fetched))
    wide = stored_objects(site.storage)
    site.snapshot(NARROW)
    site.assert_holds(NARROW)
    assert stored_objects(site.storage) == wide
    site.check("-i")
    site.replica.gc("-r", "0").assert_ok()
    site.assert_holds(NARROW, exactly=True)
    site.check("-i")


def test_turned_off_and_on_again(site):
    site.snapshot(NARROW)
    site.snapshot(None)
    site.assert_holds(None, exactly=True)
    site.snapshot(NARROW, revision=1)
    site.assert_holds(NARROW)
    site.snapshot(None, revision=1)
    site.assert_holds(None)
    site.check("-i")


def test_any_byte_of_the_rules_counts(site):
    site.snapshot(NARROW)
    site.snapshot(NARROW + "# a word\n")
    site.assert_holds(NARROW + "# a word\n", exactly=True)


@pytest.mark.parametrize("name", NAMES)
def test_a_record_that_is_lost_or_changed_is_not_trusted(site, name):
    site.snapshot(NARROW)
    (site.storage / name).unlink()
    site.snapshot(NARROW)
    site.assert_holds(NARROW)
    (site.storage / name).write_text(WIDE)
    assert "differ" in site.check(code=1)
    site.replica.gc("-r", "0").assert_failed("nothing is deleted", "differ")
    site.snapshot(WIDE)
    site.assert_holds(WIDE)


def test_a_catalog_of_old_rules_does_not_vouch_in_a_later_revision(site):
    """The origin goes back to a catalog whose subtree was pruned when it was stored."""
    site.snapshot("version 1\n/sw/package3\n!*/inner\n", revision=0)
    old = site.catalog_at("/sw/package3", 0)
    assert (site.storage / old).exists()
    rules = "version 1\n/sw/package3\n"
    site.snapshot(rules, revision=2)
    assert site.catalog_at("/sw/package3", 2) != old
    assert not (site.storage / old).exists(), "it lacks the catalog below it"
    site.offer(0)
    site.replica.snapshot("--accept-older", "2").assert_ok()
    site.assert_holds(rules)


def test_a_failed_change_is_not_forgotten_when_it_is_taken_back(site):
    """Catalogs of the narrower rules were stored, and the rules are the old ones again."""
    site.snapshot(WIDE, revision=0)
    site.offer(2)
    site.rule(NARROW)
    site.origin.fault(r"X$", "status", 500)
    site.origin.fault(object_path(manifest_fields(site.revisions[2])["C"], "C"), "status", 500)
    site.replica.snapshot().assert_failed("500")
    assert (site.storage / MARKER).exists()
    assert (site.storage / NAMES[0]).read_text() == WIDE
    site.snapshot(WIDE, revision=2)
    site.assert_holds(WIDE)


def steps_of_the_switch(recording):
    """How many operations have happened, from the first change of the rules until the marker
    goes, whenever a name has changed."""
    names = [(step, str(operation[-1])) for step, operation in enumerate(recording.operations, 1)
             if operation[0] in ("rename", "unlink")]
    first = next(step for step, name in names if name.endswith(NAMES[0]))
    last = next(step for step, name in names if name.endswith(MARKER) and step > first)
    return [step for step, _ in names if first <= step < last]


@pytest.mark.parametrize("old, new", [(NARROW, WIDE), (WIDE, NARROW), (NARROW, None),
                                      (None, NARROW)], ids=["wider", "narrower", "off", "on"])
def test_killed_between_the_rules_and_the_manifest(site, old, new):
    """Whatever the rules are then, the next run trusts nothing that is there."""
    site.snapshot(old, revision=0)
    before = site.replica.manifest()
    site.rule(new)
    site.offer(2)
    recording = Recording(site.replica)
    steps = steps_of_the_switch(recording)
    assert len(steps) >= 3, "the rules twice, the manifest"
    for step in steps[:6] + steps[-2:]:
        recording.disk(step).cut("written", random.Random(1))
        assert (site.storage / MARKER).exists()
        served = (0, old) if site.replica.manifest() == before else (2, new)
        assert included(site.revisions[served[0]], served[1]) <= stored_objects(site.storage)
        rules = old if step % 2 else new
        lost = next(path for path in sorted(included(site.revisions[2], rules))
                    if path[-1] not in "CXMH" and path not in included(site.revisions[0], None))
        (site.storage / lost).unlink(missing_ok=True)
        assert "Other rules" in site.snapshot(rules, revision=2)
        site.assert_holds(rules)


@pytest.mark.parametrize("old, new", [(NARROW, WIDE), (WIDE, NARROW)])
def test_a_power_cut_while_the_rules_change(site, old, new):
    site.snapshot(old, revision=0)
    site.rule(new)
    site.offer(2)
    recording = Recording(site.replica)
    for cut in range(12):
        recording.disk(cut * len(recording.operations) // 11).cut("mixed", random.Random(cut))
        rules = old if cut % 2 else new
        site.snapshot(rules, revision=2)
        site.assert_holds(rules)


def test_catalogs_that_do_not_fit_are_gone_for_good_before_others_are_trusted(site):
    """Else a power cut could leave one of them, and no marker."""
    site.snapshot(NARROW)
    site.rule(WIDE)
    site.offer(2)
    operations = [(word, str(rest[-1])) for word, *rest in Recording(site.replica).operations]
    removed = [place for place, (word, path) in enumerate(operations)
               if word == "unlink" and re.search(r"/data/../[0-9a-f]+C$", path)]
    trusted = [place for place, (word, path) in enumerate(operations)
               if word == "unlink" and path.endswith(MARKER)]
    assert removed and len(trusted) == 1
    assert "syncfs" in [word for word, _ in operations[removed[-1]:trusted[0]]]


def test_less_rules_a_collection_that_is_cut_off_and_more_rules_again(site):
    """With the same manifest all the time."""
    site.snapshot(WIDE, revision=1)
    site.snapshot(NARROW, revision=1)
    recording = Recording(site.replica, functools.partial(site.replica.begin_gc, "-f", "-r", "0"))
    unlinks = [place for place, (word, *rest) in enumerate(recording.operations)
               if word == "unlink" and "/data/" in rest[0] and "/txn/" not in rest[0]]
    assert len(unlinks) > 20
    for place in unlinks[:3] + unlinks[3::len(unlinks) // 8] + unlinks[-1:]:
        recording.disk(place + 1).cut("written", random.Random(place))
        # A copy of a tree has new files; the disk after a cut has the old ones.
        journal = site.storage / ".replica_gc_journal"
        if journal.exists():
            os.utime(journal)
        output = site.snapshot(WIDE, revision=1)
        assert "given up" not in output
        site.assert_holds(WIDE)


def test_kills_while_the_rules_change(site):
    chance = random.Random(3)
    rules = [NARROW, WIDE, None, OTHER]
    site.snapshot(NARROW)
    for kill in range(12):
        wanted = rules[kill % 4]
        site.rule(wanted)
        site.offer(kill % 3 if kill > 8 else 0)
        process = site.replica.begin("--accept-older", "2")
        try:
            process.wait(chance.uniform(0.001, 0.08))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
        if kill % 4 == 3:
            site.offer(2)
            site.snapshot(rules[kill // 4], revision=2)
            site.assert_holds(rules[kill // 4])
            site.check("-i")


@pytest.mark.parametrize("spec, words", [
    (None, "CVMFS_PARTIAL_REPLICATION_SPEC"),
    ("version 2\n", "line 1"), ("version 1\nsw\n", "line 2"), ("", "version 1")])
def test_rules_that_cannot_be_read_change_nothing(site, spec, words):
    site.snapshot(NARROW)
    before = stored_objects(site.storage)
    site.rule(spec or "")
    if spec is None:
        site.spec.unlink()
    site.offer(2)
    site.replica.snapshot().assert_failed(words)
    site.replica.gc("-r", "0").assert_failed("nothing is deleted", words)
    assert words in site.check(code=1)
    assert stored_objects(site.storage) == before
    assert site.origin.paths("HEAD") + [
        path for path in site.origin.paths() if path != ".cvmfspublished"] == []
    assert (site.storage / NAMES[0]).read_text() == NARROW


def test_rules_that_are_not_named(site):
    site.replica.configure(CVMFS_PARTIAL_REPLICATION="yes")
    site.replica.snapshot().assert_failed("CVMFS_PARTIAL_REPLICATION_SPEC")


def test_check_and_gc_go_by_the_rules_of_the_tree(site):
    """Until a snapshot has applied other ones."""
    site.snapshot(NARROW)
    site.rule(WIDE)
    site.check("-i")
    site.replica.gc("-r", "0").assert_ok()
    site.rule("version 1\n")
    site.check("-i")
    site.replica.gc("-r", "0").assert_ok()
    assert included(site.revisions[0], NARROW) == stored_objects(site.storage)


def test_check_repairs_what_is_included_and_fetches_no_more(site):
    site.snapshot(WIDE)
    before = stored_objects(site.storage)
    chance = random.Random(5)
    for path in chance.sample(sorted(before), 12):
        if path[-1] not in "X":
            (site.storage / path).unlink()
    site.check("-i", "--repair")
    assert stored_objects(site.storage) == before
    site.check("-i")
    assert "not replicated" in site.check("-s", "/sw/package5", code=1)
    site.check("-s", "/sw/package1")


def test_a_scrub_repairs_what_is_included_and_fetches_no_more(site):
    site.snapshot(WIDE)
    before = stored_objects(site.storage)
    lost = site.catalog_at("/sw/package1")
    (site.storage / lost).unlink()
    done = subprocess.run([REPLICACTL, "scrub", FQRN], text=True, capture_output=True,
                          env=site.replica.environment(), timeout=4 * DEADLINE_SECONDS,
                          check=False)
    assert "0 corrupt and 1 missing objects, 1 repaired" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 0
    assert stored_objects(site.storage) == before


def test_clients_and_the_status_are_told(site, start_httpd):
    site.snapshot(NARROW)
    (site.storage / ".cvmfs_master_replica").touch()
    httpd = start_httpd(f"<VirtualHost *>\nReplica {site.replica.confdir}\n</VirtualHost>")
    for name in NAMES:
        answer = httpd.fetch(f"/cvmfs/{FQRN}/{name}")
        assert (answer.status, answer.body.decode()) == (200, NARROW)
    assert httpd.fetch(f"/cvmfs/{FQRN}/.cvmfs_master_replica").status == 404
    pruned = site.catalog_at("/sw/package2")
    assert httpd.fetch(f"/cvmfs/{FQRN}/{pruned}").status == 404
    status = json.loads(subprocess.run([REPLICACTL, "status", "--json"], text=True, check=True,
                                       capture_output=True,
                                       env=site.replica.environment()).stdout)
    assert status["repositories"][0]["is_partial"] is True
    text = subprocess.run([REPLICACTL, "status"], text=True, check=False, capture_output=True,
                          env=site.replica.environment()).stdout
    assert "partial" in text
    site.snapshot(None)
    wait_until(lambda: httpd.fetch(f"/cvmfs/{FQRN}/{NAMES[0]}").status == 404, "they are gone")
    assert httpd.fetch(f"/cvmfs/{FQRN}/.cvmfs_master_replica").status == 200
