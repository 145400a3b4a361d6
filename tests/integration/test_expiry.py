# SPDX-License-Identifier: Apache-2.0
"""Files that expire: gone from the next revision, their objects when no reader needs them."""

import contextlib
import random
import sqlite3
import tarfile
import time

from collect import Store
from closure import manifest_fields
from held import Hold, UpdateLock
from servers import DEADLINE_SECONDS, wait_until
from test_upload_gc import object_of
from test_uploads import restart
from uploads import NAME, detail, good


def expect_gone(uploads, *paths):
    for path in paths:
        wait_until(lambda path=path: uploads.get(path).status == 404, f"{path} has expired")


def data_of(objects):
    """Without tag databases, which are kept as long as any revision of their time."""
    return {path for path in objects if not path.endswith("H")}


@contextlib.contextmanager
def database_of(uploads):
    """Its records of what expires, which snapshotd may be writing to."""
    with contextlib.closing(sqlite3.connect(uploads.spool / NAME / "expiry.sqlite",
                                            timeout=DEADLINE_SECONDS)) as database, database:
        yield database


def records(uploads, table="expiry"):
    with database_of(uploads) as database:
        return sorted(row[0] for row in database.execute(f"SELECT path FROM {table}"))


def test_from_the_upload_to_the_end(make_uploads):
    """Gone from the next revision, objects gone after the grace, and who reads the old revision
    loses nothing before."""
    uploads = make_uploads(REPLICA_GC_GRACE=4, REPLICA_PROMPT_GC="true")
    body = random.Random(1).randbytes(200000)
    good(uploads.put("stays", b"stays", query="?ttl_s=0"))
    answer = good(uploads.put("goes", b"goes", query="?ttl_s=2"))
    good(uploads.put("deep/er/goes", body, query="?ttl_s=5"))
    head, before = manifest_fields(uploads.storage)["C"], uploads.revision()
    expect_gone(uploads, "goes", "deep/er/goes")
    gone = time.time()
    assert gone >= answer["expires_at"]
    assert uploads.revision() <= before + 2
    if time.time() < answer["expires_at"] + 4:
        old = Store(uploads.storage)
        assert old.tree(head) <= uploads.objects() or time.time() > answer["expires_at"] + 4
        assert object_of(uploads, b"goes").exists() or time.time() > answer["expires_at"] + 4
    wait_until(lambda: not object_of(uploads, b"goes").exists(), "the object is gone")
    assert time.time() >= answer["expires_at"] + 4
    wait_until(lambda: not (uploads.storage / "data" / head[:2] / f"{head[2:]}C").exists(),
               "the old revision is gone")
    uploads.closure()
    # If they went one by one, the revision in between has its own grace.
    wait_until(lambda: data_of(uploads.objects()) == data_of(uploads.parts_objects()),
               "garbage is collected")
    assert uploads.get("stays").body == b"stays"
    wait_until(lambda: records(uploads) == [], "records are gone")
    assert records(uploads, "directories") == []
    assert uploads.get("?path=deep").status == 404
    last = uploads.revision()
    time.sleep(3)
    assert uploads.revision() == last, "nothing has expired, nothing is published"


def test_a_reader_of_the_old_revision_is_undisturbed_for_the_grace(make_uploads):
    """However often garbage is collected meanwhile; afterwards nothing of it is left, although
    nobody publishes any more."""
    uploads = make_uploads(REPLICA_GC_GRACE=3600, REPLICA_PROMPT_GC="true")
    good(uploads.put("stays", b"stays", query="?ttl_s=0"))
    good(uploads.put("goes", random.Random(2).randbytes(200000), query="?ttl_s=5"))
    head = manifest_fields(uploads.storage)["C"]
    read = Store(uploads.storage).tree(head)
    expect_gone(uploads, "goes")
    for _ in range(2):
        good(uploads.httpd.fetch("/gc", "POST", {"Authorization": "Bearer secret"}, b""))
        assert Store(uploads.storage).tree(head) == read <= uploads.objects()
    uploads.configure(REPLICA_GC_GRACE=1)

    def left():
        good(uploads.httpd.fetch("/gc", "POST", {"Authorization": "Bearer secret"}, b""))
        return read & uploads.objects()

    wait_until(lambda: len(left()) == 2 < len(read), "what stays, and new_repository, are left")
    assert data_of(uploads.objects()) == data_of(uploads.parts_objects())
    uploads.closure()


def test_what_is_due_together_goes_together(make_uploads):
    uploads = make_uploads()
    for number in range(10):
        good(uploads.put(f"file{number}", b"%d" % number, query="?ttl_s=3600"))
    before = uploads.revision()
    with database_of(uploads) as database:
        database.execute("UPDATE expiry SET expires_at = 1 WHERE path <> '/file0'")
    assert good(uploads.request("POST", f"{NAME}/clean"))["message"]
    assert uploads.revision() == before + 1
    assert good(uploads.get(""))["files"] == ["file0", "new_repository"]
    assert good(uploads.request("POST", f"{NAME}/clean"))["message"]
    assert uploads.revision() == before + 1
    uploads.closure()


def test_a_record_counts_for_its_content_only(make_uploads):
    """What was replaced, or has another time to live by now, does not go by the old one."""
    uploads = make_uploads()
    good(uploads.put("replaced", b"old", query="?ttl_s=8"))
    good(uploads.put("replaced", b"new", query="?ttl_s=0&overwrite=true"))
    good(uploads.put("same", b"same", query="?ttl_s=8"))
    good(uploads.put("same", b"same", query="?ttl_s=0&overwrite=true"))
    good(uploads.put("longer", b"longer", query="?ttl_s=8"))
    good(uploads.request("POST", f"{NAME}/longer/ttl?ttl_s=3600"))
    good(uploads.put("shorter", b"shorter", query="?ttl_s=3600"))
    good(uploads.request("POST", f"{NAME}/shorter/ttl?ttl_s=1"))
    good(uploads.put("deleted", b"deleted", query="?ttl_s=8"))
    good(uploads.request("DELETE", f"{NAME}/deleted"))
    good(uploads.put("marker", b"marker", query="?ttl_s=9"))
    # One that a crash before its commit has left.
    with database_of(uploads) as database:
        database.execute("INSERT INTO expiry VALUES ('/replaced', '3.1.00', 2)")
        database.execute("INSERT INTO expiry VALUES ('/never/there', '3.1.00', 2)")
    expect_gone(uploads, "shorter", "marker")
    assert good(uploads.get(""))["files"] == ["longer", "new_repository", "replaced", "same"]
    wait_until(lambda: records(uploads) == ["/longer"], "other records are forgotten")
    uploads.closure()


def test_directories_that_are_somebody_elses_stay(make_uploads, folder):
    uploads = make_uploads()
    good(uploads.put("made/by/upload", b"x", query="?ttl_s=2"))
    good(uploads.put("shared/short", b"x", query="?ttl_s=2"))
    good(uploads.put("shared/long", b"x"))
    (folder / "more").mkdir()
    (folder / "more/made-by-hand").mkdir()
    uploads.site.run("ingest", "-t", make_tar(folder), "-b", "", NAME)
    good(uploads.put("made-by-hand/file", b"x", query="?ttl_s=2"))
    expect_gone(uploads, "made/by/upload", "shared/short", "made-by-hand/file")
    assert sorted(path for path in uploads.tree().entries if path) == [
        b"/made-by-hand", b"/new_repository", b"/shared", b"/shared/long"]


def make_tar(folder):
    path = folder / "more.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder / "more/made-by-hand", "made-by-hand")
    path.chmod(0o644)
    return path


def test_what_expired_while_nobody_looked_goes_at_once(make_uploads):
    uploads = make_uploads()
    for name in ("due", "later"):
        good(uploads.put(name, b"x", query="?ttl_s=3600"))
    uploads.daemon.process.kill()
    uploads.daemon.process.wait()
    with database_of(uploads) as database:
        database.execute("UPDATE expiry SET expires_at = ? WHERE path = '/due'",
                         (int(time.time()) - 1,))
    before = uploads.revision()
    uploads.daemon.start()
    wait_until(lambda: uploads.revision() == before + 1, "it has expired")
    assert sorted(uploads.tree().entries) == [b"", b"/later", b"/new_repository"]
    # And nothing without a reason.
    uploads.daemon.process.kill()
    restart(uploads)
    time.sleep(1)
    assert uploads.revision() == before + 1


def test_kills_in_between(make_uploads):
    """Whenever it dies: what was to stay stays, what was to go goes."""
    # Longer than it takes here to read what is published.
    uploads = make_uploads(REPLICA_GC_GRACE=4, REPLICA_PROMPT_GC="true")
    good(uploads.put("stays", b"stays", query="?ttl_s=0"))
    chance = random.Random(4)
    for turn in range(6):
        good(uploads.put(f"turn{turn}/goes", b"%d" % turn, query="?ttl_s=1"))
        time.sleep(1 + chance.random() / 5)
        uploads.daemon.process.kill()
        restart(uploads)
        uploads.parts_objects()
    expect_gone(uploads, *(f"turn{number}/goes" for number in range(turn + 1)))
    wait_until(lambda: data_of(uploads.objects()) == data_of(uploads.parts_objects()),
               "garbage is collected")
    uploads.closure()
    assert uploads.get("stays").body == b"stays"


def test_who_else_publishes_is_waited_for(make_uploads):
    uploads = make_uploads()
    good(uploads.put("goes", b"x", query="?ttl_s=2"))
    with UpdateLock(uploads):
        before = uploads.revision()
        time.sleep(2.5)
        assert uploads.revision() == before
    expect_gone(uploads, "goes")


def set_time(uploads, path, seconds):
    return uploads.request("POST", f"{NAME}/{path}/ttl?ttl_s={seconds}")


def test_what_is_being_removed_cannot_be_put_off(make_uploads):
    """Either it stays, or who asks is told that it goes."""
    uploads = make_uploads()
    hold = Hold(uploads)
    for name in ("longer", "goes"):
        good(uploads.put(name, b"x", query="?ttl_s=3600"))
    hold.begin()
    good(set_time(uploads, "goes", 1))
    hold.wait()
    for seconds in (3600, 0):
        assert "is being removed" in detail(set_time(uploads, "goes", seconds), 409)
    assert uploads.get("goes").status == 200
    good(set_time(uploads, "longer", 7200))
    hold.end()
    expect_gone(uploads, "goes")
    assert detail(set_time(uploads, "goes", 3600), 404)
    assert uploads.get("longer").status == 200
    wait_until(lambda: records(uploads) == ["/longer"], "other records are forgotten")


def test_what_was_being_removed_goes_after_a_crash(make_uploads):
    uploads = make_uploads()
    hold = Hold(uploads)
    good(uploads.put("goes", b"x", query="?ttl_s=3600"))
    hold.begin()
    good(set_time(uploads, "goes", 1))
    hold.wait()
    uploads.daemon.process.kill()
    hold.end()
    restart(uploads)
    expect_gone(uploads, "goes")
    wait_until(lambda: records(uploads) == [], "it is forgotten")


def test_what_could_not_be_removed_can_be_put_off(make_uploads):
    uploads = make_uploads()
    good(uploads.put("stays", b"x", query="?ttl_s=3600"))
    key = uploads.confdir / "keys" / f"{NAME}.key"
    key.rename(key.with_suffix(".away"))
    good(set_time(uploads, "stays", 1))
    wait_until(lambda: "housekeeping repository=" in uploads.daemon.text(), "it is reported")
    wait_until(lambda: set_time(uploads, "stays", 3600).status == 200, "it is put off")
    key.with_suffix(".away").rename(key)
    good(uploads.put("goes", b"x", query="?ttl_s=1"))
    expect_gone(uploads, "goes")
    assert uploads.get("stays").status == 200


def test_keys_that_are_missing_are_waited_for(make_uploads):
    uploads = make_uploads()
    good(uploads.put("goes", b"x", query="?ttl_s=3600"))
    key = uploads.confdir / "keys" / f"{NAME}.key"
    key.rename(key.with_suffix(".away"))
    good(set_time(uploads, "goes", 1))
    wait_until(lambda: "housekeeping repository=" in uploads.daemon.text(), "it is reported")
    key.with_suffix(".away").rename(key)
    expect_gone(uploads, "goes")
