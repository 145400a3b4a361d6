# SPDX-License-Identifier: Apache-2.0
"""Garbage collection of trees that the reference tools wrote, reflog included."""

import hashlib
import os
import pathlib
import random
import shutil
import subprocess

import pytest

from closure import manifest_fields
from collect import Expected, Store
from origin import Origin
from replica import Replica

FIXTURES = os.environ.get("REPLICA_FIXTURES")
if not FIXTURES:
    pytest.skip("REPLICA_FIXTURES names no folder of fixtures", allow_module_level=True)
REPOSITORIES = sorted(p for p in (pathlib.Path(FIXTURES) / "repositories").iterdir() if p.is_dir())


class Taken:
    """A replica whose storage is a tree of the reference's, as it stands."""

    def __init__(self, folder, fixture):
        self.source = fixture / "repository"
        self.origin = Origin({fixture.name: self.source}, random.Random(1))
        self.replica = Replica(folder / "replica", fixture.name, self.origin.url(fixture.name),
                               fixture / "keys" / f"{fixture.name}.pub")
        shutil.copytree(self.source, self.replica.storage, dirs_exist_ok=True, symlinks=True)
        subprocess.run(["chmod", "-R", "u+w", self.replica.storage], check=True)
        reflog = (self.replica.storage / ".cvmfsreflog").read_bytes()
        (self.replica.spool / "reflog.chksum").write_text(hashlib.sha1(reflog).hexdigest())


@pytest.mark.parametrize("rule", [{"revisions": 0}, {"revisions": 1}, {"since": 2 ** 33}],
                         ids=["head", "one more", "by time"])
def test_exactly_what_the_rules_say_is_removed(tmp_path, rule):
    fixture = next(p for p in REPOSITORIES if p.name == "sw.example.net")
    taken = Taken(tmp_path, fixture)
    try:
        before = taken.replica.objects()
        expected = Expected(taken.replica.storage, **rule)
        assert len(expected.removed & before) > 3
        arguments = ("-r", rule["revisions"]) if "revisions" in rule else ("-t", "@8589934592")
        taken.replica.gc(*arguments).assert_ok()
        assert taken.replica.objects() == before - expected.removed
        assert set(Store(taken.replica.storage).reflog()) == expected.reflog
        taken.replica.closure()
        # With all of its tags it is what the origin offers.
        taken.replica.snapshot().assert_ok()
    finally:
        taken.origin.close()


@pytest.mark.parametrize("fixture", REPOSITORIES, ids=lambda p: p.name)
def test_only_where_the_publisher_allows_it(tmp_path, fixture):
    taken = Taken(tmp_path, fixture)
    before = taken.replica.objects()
    try:
        if manifest_fields(taken.source).get("G") == "yes":
            taken.replica.gc("-r", 100).assert_ok()
        else:
            taken.replica.gc("-r", 0).assert_failed("Garbage Collection is not enabled")
            assert taken.replica.objects() == before
        taken.replica.closure()
    finally:
        taken.origin.close()
