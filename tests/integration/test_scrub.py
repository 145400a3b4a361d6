# SPDX-License-Identifier: Apache-2.0
"""replicactl scrub: every object is read, and what is damaged or missing comes back."""

import contextlib
import fcntl
import json
import random
import signal
import time

from checked import FQRN, Below, published, site  # noqa: F401 (fixtures)
from closure import manifest_fields, object_path
from damage import Damage, double_block, files_of
from loops import count
from origin import Origin
from replica import Published, Replica
from servers import DEADLINE_SECONDS
from sources import fill


def scrub(replica, *flags):
    run = replica.scrub(*flags)
    assert "Sanitizer" not in run.output
    return run


def place(replica):
    return json.loads((replica.spool / "scrub.json").read_text())


def objects_of(storage):
    return sorted(path for path in (storage / "data").glob("??/*"))


def file_object(storage, number=0):
    """A file's content."""
    return [path for path in objects_of(storage) if len(path.name) == 38][number]


def name_of(path):
    return path.parent.name + path.name


def test_a_sound_store_is_read_once_and_stays_as_it_is(site):
    before = files_of(site.storage)
    size = sum(path.stat().st_size for path in objects_of(site.storage))
    run = scrub(site.replica).assert_ok()
    assert f"{len(objects_of(site.storage))} objects read, {size} bytes" in run.output
    assert "no problems found" in run.output
    assert files_of(site.storage) == before
    assert site.replica.leftovers() == []
    status = site.status()
    assert status["scrub_findings"] == "0"
    assert status["last_scrub"].split()[4] == "UTC"
    assert all(isinstance(value, str) for value in status.values())


def test_random_damage_is_counted_and_repaired_from_the_second_upstream(site):
    before = files_of(site.storage)
    damage = Damage(site.storage, random.Random(5), count("DAMAGED_OBJECTS"))
    damage.do()
    damaged = damage.expected()
    corrupt = sum(damaged.get(kind, (0, 0))[0] for kind in ("corrupt", "empty"))
    missing = damaged["missing"][0]
    site.origin.close()
    run = scrub(site.replica).assert_ok()
    assert (f"{corrupt} corrupt and {missing} missing objects, {corrupt + missing} repaired"
            in run.output)
    assert "all problems are repaired" in run.output
    assert files_of(site.storage) == before
    assert site.replica.leftovers() == []
    assert "no problems found" in scrub(site.replica).assert_ok().output
    site.replica.closure()


def test_cvmfs_2991_and_3553_doubled_blocks_of_4_kib_are_found_and_mended(site):
    path = max((p for p in objects_of(site.storage) if p.name.endswith("P")),
               key=lambda p: p.stat().st_size)
    content = path.read_bytes()
    path.write_bytes(double_block(content, random.Random(1)))
    run = scrub(site.replica).assert_ok()
    assert f"corrupt: object {name_of(path)}" in run.output
    assert f"repaired: object {name_of(path)}" in run.output
    assert path.read_bytes() == content
    assert not (site.storage / "data/txn/quarantine").exists()


def test_what_nobody_gives_stays_aside_and_open_until_one_returns(site):
    path, other = file_object(site.storage), file_object(site.storage, 1)
    content, gone = path.read_bytes(), other.read_bytes()
    path.write_bytes(b"wrong")
    other.unlink()
    for server in (site.origin, site.second):
        server.fault("data/", "missing")
    run = scrub(site.replica).assert_failed("2 are still to be repaired")
    assert "1 corrupt and 1 missing objects, 0 repaired" in run.output
    assert not path.exists()
    quarantined = site.storage / "data/txn/quarantine" / name_of(path)
    assert quarantined.read_bytes() == b"wrong"
    assert {entry["object"]: entry["kind"] for entry in place(site.replica)["open"]} == {
        name_of(path): "corrupt", name_of(other): "missing"}
    assert site.status()["scrub_findings"] == "2"

    site.second.heal()
    scrub(site.replica).assert_ok()
    assert (path.read_bytes(), other.read_bytes()) == (content, gone)
    assert not quarantined.exists()
    assert place(site.replica)["open"] == []


def test_what_is_put_off_by_an_update_is_not_forgotten(site):
    path = file_object(site.storage)
    content = path.read_bytes()
    path.write_bytes(b"")
    with open(site.replica.spool / "is_updating.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        scrub(site.replica).assert_failed("1 are still to be repaired")
        assert not path.exists()
    run = scrub(site.replica).assert_ok()
    assert path.read_bytes() == content
    assert f"repaired: object {name_of(path)}" in run.output


def all_catalogs(storage):
    below = Below(storage)
    found, queue = [], [manifest_fields(storage)["C"]]
    while queue:
        text = queue.pop()
        found.append(text)
        queue += [child for _, child in below.children(text)]
    return found


def test_cvmfs_2887_missing_catalogs_come_back_with_all_below_them(site):
    """Nested ones in missing ones, and objects that only they refer to."""
    before = files_of(site.storage)
    catalogs = all_catalogs(site.storage)
    below = Below(site.storage).below(catalogs[-1])
    assert len(catalogs) > 20
    for text in catalogs:
        (site.storage / object_path(text, "C")).unlink()
    for path in list(below)[:3]:
        (site.storage / path).unlink(missing_ok=True)
    run = scrub(site.replica).assert_ok()
    assert "all problems are repaired" in run.output
    assert files_of(site.storage) == before
    site.replica.closure()


def test_what_only_tags_lead_to_comes_back_with_their_database(site):
    fields = manifest_fields(site.storage)
    head = Below(site.storage).below(fields["C"])
    lost = [path for path in objects_of(site.storage)
            if path.name[-1] not in "HXM" and str(path.relative_to(site.storage)) not in head]
    assert any(path.name.endswith("C") for path in lost)
    lost.append(site.storage / object_path(fields["H"], "H"))
    before = files_of(site.storage)
    for path in lost:
        path.unlink()
    run = scrub(site.replica).assert_ok()
    assert files_of(site.storage) == before
    assert f"{len(lost)} missing objects, {len(lost)} repaired" in run.output


def test_a_catalog_is_not_stored_before_what_it_refers_to(site):
    catalogs = all_catalogs(site.storage)
    catalog = site.storage / object_path(catalogs[-1], "C")
    lost = next(site.storage / path for path in sorted(Below(site.storage).below(catalogs[-1]))
                if not path.endswith("C"))
    catalog.write_bytes(b"rot")
    lost.unlink()
    for server in (site.origin, site.second):
        server.fault(str(lost.relative_to(site.storage)), "missing")
    scrub(site.replica).assert_failed("still to be repaired")
    assert not catalog.exists()
    site.second.heal()
    scrub(site.replica).assert_ok()
    site.replica.closure()


def test_a_kill_costs_neither_place_nor_findings(site):
    """kill -9 while it reads; the daemon goes on from the place, a command begins anew."""
    before = files_of(site.storage)
    damage = Damage(site.storage, random.Random(6), 60)
    damage.do()
    for server in (site.origin, site.second):
        server.fault("data/", "missing")
    for seconds in (0.05, 0.1, 0.2, 0.4):
        process = site.replica.begin_scrub("-r", "20M")
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    site.origin.heal()
    scrub(site.replica).assert_ok()
    after = files_of(site.storage)
    after.pop(".replica_dirty", None)  # of a repair that was killed: for the next snapshot
    assert after == before
    assert place(site.replica)["open"] == []
    assert not (site.storage / "data/txn/quarantine").exists()


def test_a_damaged_place_starts_over(site):
    for content in (
            b"", b"{", b"[]", b"\0" * 100, b'{"version": 2}', b"x" * 2_000_000,
            b'{"version": 1, "round": {"started": 7, "folder": "x", "after": "../../etc/passwd"}}',
            b'{"version": 1, "round": {"started": "2026-01-01T00:00:00Z", "folder": 1e9}}',
            b'{"version": 1, "open": [{"object": "../x", "kind": "corrupt"}, 7, {}]}'):
        (site.replica.spool / "scrub.json").write_bytes(content)
        run = scrub(site.replica).assert_ok()
        assert "no problems found" in run.output
        assert place(site.replica)["version"] == 1


def test_garbage_collection_and_snapshots_go_on_beside_it(folder):
    """What vanishes while it reads is no finding."""
    published = Published(folder / "published", FQRN, "collectable=yes", "tags=no")
    source = fill(folder / "source", random.Random(9), packages=12, files=6)
    published.publish(source)
    with contextlib.closing(Origin({FQRN: published.storage}, random.Random(1))) as origin:
        replica = Replica(folder / "replica", FQRN, origin.url(FQRN), published.key)
        replica.snapshot().assert_ok()
        size = len(replica.objects())
        process = replica.begin_scrub("-r", "1M")
        for number in range(3):
            (source / "note").write_bytes(random.Random(number).randbytes(100_000))
            published.publish(source)
            replica.snapshot().assert_ok()
            replica.gc("-r", "0").assert_ok()
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        assert process.returncode == 0, output
        assert "no problems found" in output
        assert len(replica.objects()) != size
        replica.closure()
        assert "no problems found" in scrub(replica).assert_ok().output


def test_one_scrub_at_a_time_the_second_one_waits(site):
    first, second = site.replica.begin_scrub("-r", "10M"), site.replica.begin_scrub()
    for process in (first, second):
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        assert process.returncode == 0, output
