# SPDX-License-Identifier: Apache-2.0
"""What clients ask for in vain: httpd says it, snapshotd repairs what should exist."""

import json
import os
import signal
import subprocess
import time

import pytest

from checked import Below
from cli import IS_ROOT
from closure import manifest_fields, object_path
from damage import files_of
from replica import REPLICACTL
from servers import Httpd, wait_until
from snapshotd import Fleet, Snapshotd

FQRN = "a.example.net"
CAP = 64 * 1024
REPORTED_MAX = 256


class Place:
    """A fleet with one replica, httpd in front of it, and a daemon that is not started."""

    def __init__(self, folder, **server):
        self.fleet = Fleet(folder)
        self.replica = self.fleet.add("a", REPLICA_SNAPSHOT_INTERVAL=300,
                                      CVMFS_HTTP_RETRIES=0)
        self.replica.snapshot().assert_ok()
        self.settings = {"REPLICA_REPAIR_INTERVAL": 1, "REPLICA_SCRUB_RATE": 0, **server}
        self.configure()
        self.daemon = Snapshotd(self.fleet)
        self.httpd = Httpd(folder / "httpd", f"Replica {self.fleet.confdir}")
        self.drop = self.fleet.spool / "httpd"
        self.reports = self.drop / "missing"

    def configure(self, **more):
        self.settings.update(more)
        (self.fleet.confdir / "server.local").write_text(
            "".join(f"{name}={value}\n" for name, value in self.settings.items()))

    def make_drop(self, mode=0o1733):
        self.drop.mkdir()
        self.drop.chmod(mode)

    def ask(self, path):
        return self.httpd.fetch(f"/cvmfs/{FQRN}/{path}").status

    def lines(self):
        return self.reports.read_text().splitlines() if self.reports.exists() else []

    def storage_path(self, number=0):
        paths = sorted(self.replica.storage.glob("data/??/*"))
        return [path for path in paths if len(path.name) == 38][number]

    def ask_status(self):
        output = subprocess.run([REPLICACTL, "status", "--json"], check=True,
                                capture_output=True, env=self.replica.environment()).stdout
        return json.loads(output)["repositories"][0]

    def state(self):
        path = self.replica.spool / "scrub.json"
        return json.loads(path.read_text()) if path.exists() else {"open": []}

    def taken(self, number=1):
        """Wait until the daemon has looked at so many batches of reports."""
        wait_until(lambda: self.daemon.text().count(" reported=") >= number,
                   f"it looks at reports: {self.daemon.text()}")

    def close(self):
        self.httpd.stop()
        self.daemon.close()
        self.fleet.origin.close()


@pytest.fixture
def place(folder):
    place = Place(folder)
    yield place
    place.close()


def put_reports(place, content):
    """Whole: the daemon may be taking them."""
    new = place.fleet.folder / "reports"
    new.write_bytes(content)
    new.rename(place.reports)


def url_of(place, path):
    return str(path.relative_to(place.replica.storage))


def test_what_should_exist_is_repaired_and_what_should_not_costs_nobody(place):
    path, empty = place.storage_path(), place.storage_path(1)
    content, other = path.read_bytes(), empty.read_bytes()
    path.unlink()
    empty.write_bytes(b"")
    place.httpd.start()
    place.daemon.start()
    place.fleet.origin.heal()
    before = len(place.fleet.origin.paths())
    assert place.ask("data/00/" + "1" * 38) == 404
    place.taken()
    assert len(place.fleet.origin.paths()) == before
    assert "missing=0 repaired=0" in place.daemon.text()

    place.daemon.process.send_signal(signal.SIGSTOP)  # it would repair one before the other
    assert [place.ask(url_of(place, p)) for p in (path, empty)] == [404, 404]
    place.daemon.process.send_signal(signal.SIGCONT)
    wait_until(lambda: path.exists() and empty.exists() and empty.stat().st_size,
               f"it is repaired: {place.daemon.text()}")
    assert (path.read_bytes(), empty.read_bytes()) == (content, other)
    assert [place.ask(url_of(place, p)) for p in (path, empty)] == [200, 200]
    wait_until(lambda: f"repaired: object {path.parent.name + path.name}" in place.daemon.text(),
               "the log says so")
    wait_until(lambda: place.state()["open"] == [], "nothing is open")
    assert place.daemon.stop() == 0


def test_cvmfs_2887_missing_catalogs_are_repaired_from_one_report(place):
    """The catalogs that lead there come first, and all others that are missing too."""
    before = files_of(place.replica.storage)
    storage = place.replica.storage
    below, queue, catalogs = Below(storage), [manifest_fields(storage)["C"]], []
    while queue:
        catalogs.append(queue.pop())
        queue += [child for _, child in below.children(catalogs[-1])]
    last = sorted(path for path in below.below(catalogs[-1]) if not path.endswith("C"))[0]
    for text in catalogs:
        (storage / object_path(text, "C")).unlink()
    (storage / last).unlink()
    place.httpd.start()
    place.daemon.start()
    assert place.ask(object_path(catalogs[0], "C")) == 404
    wait_until(lambda: place.state().get("total", {}).get("repaired", 0) == len(catalogs) + 1,
               f"all is repaired: {place.daemon.text()}")
    wait_until(lambda: not (storage / ".replica_dirty").exists(), "the repair is over")
    place.taken()  # and nothing is written any more
    assert files_of(storage) == before
    place.replica.closure()


def test_the_same_object_is_told_of_once_and_the_file_has_an_end(place):
    place.make_drop()
    place.httpd.start()
    for _ in range(200):
        assert place.ask("data/aa/" + "2" * 38) == 404
    # Once for each process, and again when a minute is over.
    assert 1 <= len(place.lines()) <= 2 * 8
    assert set(place.lines()) == {f"{FQRN} aa{'2' * 38}"}
    place.reports.write_bytes(b"x" * (CAP - 10))
    assert place.ask("data/aa/" + "3" * 38) == 404
    assert place.reports.stat().st_size == CAP - 10


@pytest.mark.parametrize("name", [".cvmfspublished2", "data/aa/short", "data/aa/" + "2" * 38 + "T",
                                  "data/zz/" + "2" * 38])
def test_only_names_of_objects_are_told_of(place, name):
    place.make_drop()
    place.httpd.start()
    assert place.ask(name) in (404, 400)
    assert place.httpd.fetch(f"/cvmfs/none.example.net/data/aa/{'2' * 38}").status == 404
    assert place.lines() == []


@pytest.mark.parametrize("kind", ["none", "unwritable", "fifo", "link", "second name",
                                  "folder", "file"])
def test_a_folder_that_cannot_be_written_to_changes_no_answer(place, kind, folder):
    target = folder / "target"
    if kind == "file":
        place.drop.write_bytes(b"")
    elif kind != "none":
        place.make_drop(0o755 if kind == "unwritable" else 0o1733)
    if kind == "fifo":
        os.mkfifo(place.reports)
    if kind == "link":
        target.write_bytes(b"mine")
        target.chmod(0o666)
        place.reports.symlink_to(target)
    if kind == "second name":
        target.write_bytes(b"mine")
        target.chmod(0o666)
        place.reports.hardlink_to(target)
    if kind == "folder":
        place.reports.mkdir()
    place.httpd.start()
    for number in range(20):
        assert place.ask("data/aa/" + f"{number:038}") == 404
    if kind == "unwritable" and IS_ROOT:
        assert place.lines() == []
    assert not target.exists() or target.read_bytes() == b"mine"


def hostile(place, kind, folder):
    """Put something into the drop."""
    good = f"{FQRN} {place.storage_path().parent.name}{'0' * 38}\n".encode()
    reports, sparse = place.reports, folder / "sparse"
    if kind == "fifo":
        os.mkfifo(reports)
    elif kind == "link":
        (folder / "secret").write_bytes(good)
        reports.symlink_to(folder / "secret")
    elif kind == "sparse":
        with open(sparse, "wb") as file:
            file.truncate(1 << 30)
        sparse.rename(reports)
    elif kind == "folder":
        reports.mkdir()
    else:
        put_reports(place, {
            # Together less than what is read of a file; the last line has no end.
            "garbage": bytes(range(256)) * 50 + b"\n" + b"a" * 20000 + b"\n" + b"b " * 5000
                       + b"\n../../etc/passwd x\n-rf " + b"0" * 40 + b"\nz.example.net "
                       + b"1" * 40 + b"\n" + FQRN.encode() + b" " + b"g" * 40 + b"\n\n \n"
                       + good.rstrip(b"\n"),
            "many": b"".join(b"%s %040x\n" % (FQRN.encode(), n) for n in range(1000)),
        }[kind])


def test_hostile_reports_are_taken_away_and_do_nothing(place, folder):
    place.make_drop()
    before = files_of(place.replica.storage)
    asked = len(place.fleet.origin.paths())
    place.daemon.start()
    for kind in ("garbage", "fifo", "link", "sparse", "folder", "many"):
        hostile(place, kind, folder)
        wait_until(lambda: not os.path.lexists(place.reports), f"taken: {place.daemon.text()}")
    # "many"
    wait_until(lambda: f"reported={REPORTED_MAX} missing=0" in place.daemon.text(), "all is read")
    data = [path for path in place.fleet.origin.paths()[asked:] if "data/" in path]
    assert data == [] and files_of(place.replica.storage) == before
    assert not os.path.lexists(place.fleet.spool / "missing-reports")
    assert place.daemon.stop() == 0


def test_what_lies_below_a_folder_in_the_place_of_the_reports_is_nobodys_business(place):
    """It may have no end, and the main loop would be at it for ever."""
    place.make_drop()
    below = place.reports / "below"
    below.mkdir(parents=True)
    (below / "file").write_bytes(b"")
    place.daemon.start()
    wait_until(lambda: f"{place.reports} is a folder: remove it" in place.daemon.text(),
               "it is told")
    assert (below / "file").exists()
    # In one step: an empty folder is taken away.
    place.reports.rename(place.fleet.folder / "folder")
    put_reports(place, f"{FQRN} aa{'1' * 38}\n".encode())
    place.taken()
    assert place.daemon.stop() == 0


def test_the_daemon_makes_the_folder_and_leaves_one_that_is_there(place):
    place.daemon.start()
    assert place.drop.stat().st_mode & 0o7777 == 0o1733
    assert place.daemon.stop() == 0
    place.drop.chmod(0o770)
    place.daemon.start()
    assert place.drop.stat().st_mode & 0o7777 == 0o770


def rounds(place):
    return [line for line in place.daemon.text().splitlines()
            if f"scrub repository={FQRN} result=ok" in line]


def test_the_daemon_scrubs_and_says_so_everywhere(place, folder):
    """Log, status, metrics' source, the command for changes of state."""
    told = folder / "told"
    command = folder / "command"
    command.write_text(f'#!/bin/sh\necho "$1 $2" >>{told}\n')
    command.chmod(0o755)
    place.configure(REPLICA_SCRUB_RATE="100M", REPLICA_SCRUB_INTERVAL=1,
                    REPLICA_STATE_COMMAND=command)
    path = place.storage_path()
    content = path.read_bytes()
    path.write_bytes(b"rot")
    place.fleet.origin.fault(url_of(place, path), "missing")
    place.daemon.start()
    wait_until(lambda: any("open=1" in line for line in rounds(place)), place.daemon.text())
    wait_until(lambda: told.exists() and f"{FQRN} damaged" in told.read_text(), "it is told")
    assert place.ask_status()["scrub"]["open"] == 1
    wait_until(lambda: place.daemon.status()["replicas"][FQRN]["scrub"]["open"] == 1,
               "the status says so")
    place.fleet.origin.heal()
    wait_until(lambda: f"{FQRN} whole" in told.read_text(), place.daemon.text())
    assert path.read_bytes() == content
    scrub = place.ask_status()["scrub"]
    assert scrub["open"] == 0 and scrub["corrupt_total"] == scrub["repaired_total"] == 1
    assert place.daemon.stop() == 0


def test_a_killed_daemon_goes_on_from_its_place(place):
    """At one object a second it is far from the end when it dies; what it finds is written down
    at once, and read again by the next."""
    place.configure(REPLICA_SCRUB_RATE="16K", REPLICA_SCRUB_INTERVAL=3600)
    objects = sorted(place.replica.storage.glob("data/??/*"))
    content = objects[0].read_bytes()
    objects[0].write_bytes(b"rot")
    place.daemon.start()
    wait_until(lambda: place.state().get("total", {}).get("objects", 0) > 0, "it reads")
    place.daemon.process.send_signal(signal.SIGKILL)
    place.daemon.process.wait()
    killed = place.state()["round"]
    place.configure(REPLICA_SCRUB_RATE="1G")
    place.daemon.start()
    wait_until(lambda: rounds(place), place.daemon.text())
    last = place.state()["last_round"]
    assert last["started"] == killed["started"]
    assert len(objects) <= last["objects"] <= len(objects) + 1
    assert objects[0].read_bytes() == content
    assert place.daemon.stop() == 0


def test_a_rate_of_nothing_turns_it_off_and_a_reload_on(place):
    place.daemon.start()
    time.sleep(1.2)
    assert not (place.replica.spool / "scrub.json").exists()
    place.configure(REPLICA_SCRUB_RATE="100M")
    place.daemon.reload()
    wait_until(lambda: rounds(place), place.daemon.text())
    assert place.daemon.stop() == 0


def test_a_slow_scrub_ends_quickly_with_the_daemon(place):
    place.configure(REPLICA_SCRUB_RATE=1)
    place.daemon.start()
    wait_until(lambda: place.daemon.status()["replicas"][FQRN].get("scrub", {}).get("running"),
               "it began")
    assert place.daemon.stop() == 0
