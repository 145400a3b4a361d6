# SPDX-License-Identifier: Apache-2.0
"""The daemon under test, and several repositories for it to replicate."""

import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from origin import Origin
from replica import Published, Replica
from servers import BUILD, DEADLINE_SECONDS, SANITIZER_REPORT, wait_until
from sources import fill
from tree import replace_file

NEVER = 100_000
SNAPSHOTD = BUILD / "snapshotd" / "snapshotd"


class Fleet:
    """Repositories a.example.net, b.example.net, ..., their origin, and replicas of them."""

    def __init__(self, folder):
        self.folder = folder
        self.origin = Origin({}, random.Random(1))
        self.published = {}
        self.replicas = {}

    def publish(self, name, *options):
        fqrn = f"{name}.example.net"
        published = Published(self.folder / "origin" / name, fqrn, *options)
        published.publish(fill(self.folder / "source" / name, random.Random(name), packages=1,
                               files=2, large=1000))
        self.origin.repositories[fqrn] = published.storage
        self.published[name] = published
        return published

    def add(self, name, **settings):
        """A replica; by default it is looked after every second."""
        published = self.published.get(name) or self.publish(name)
        settings = {"REPLICA_SNAPSHOT_INTERVAL": 1, **settings}
        fqrn = published.fqrn
        self.replicas[name] = Replica(self.folder / "replica", fqrn, self.origin.url(fqrn),
                                      published.key, **settings)
        return self.replicas[name]

    def add_aliases(self, name, numbers):
        """More replicas of the repository that NAME is one of, under local names of their own."""
        first = self.replicas[name]
        model = self.confdir / "repositories.d" / first.fqrn
        for number in numbers:
            alias = f"{name}{number}.example.org"
            shutil.copytree(model, model.with_name(alias))
            (first.storage.with_name(alias) / "data" / "txn").mkdir(parents=True)
            (self.spool / alias).mkdir()
            path = model.with_name(alias) / "server.conf"
            text = path.read_text().replace(f"/{first.fqrn}", f"/{alias}")
            path.write_text(text.replace(f"/cvmfs/{alias}", f"/cvmfs/{first.fqrn}"))

    def storages(self):
        return sorted((self.folder / "replica" / "srv").glob("*.example.*"))

    @property
    def confdir(self):
        return self.folder / "replica" / "etc"

    @property
    def spool(self):
        return self.folder / "replica" / "spool"

    def log_text(self):
        path = self.folder / "replica" / "log" / "snapshots.log"
        return path.read_text() if path.exists() else ""


class Snapshotd:
    """One daemon for the replicas of a fleet."""

    def __init__(self, fleet, **options):
        self.fleet = fleet
        self.errors = fleet.folder / "snapshotd.log"
        self.options = options
        self.environment = {}
        self.process = None
        self.notices = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(fleet.folder / "notify"))
        os.chmod(fleet.folder / "notify", 0o777)
        self.listener = threading.Thread(target=self.listen)
        self.listener.start()

    def listen(self):
        """Take notices as systemd does: always, for who sends one waits until it is taken."""
        while notice := self.socket.recv(4096).decode():
            self.notices += notice.splitlines()

    def start(self):
        self.notices.clear()
        with open(self.errors, "ab") as log:
            self.process = subprocess.Popen(
                [SNAPSHOTD, "--config", self.fleet.confdir], stderr=log,
                env=dict(os.environ, NOTIFY_SOCKET=str(self.fleet.folder / "notify"),
                         **self.environment),
                **self.options)
        self.wait_for_notice("READY=1")
        return self

    def wait_for_notice(self, text):
        wait_until(lambda: text in self.notices or self.process.poll() is not None,
                   f"it says {text}")
        assert text in self.notices, self.text()

    def stop(self):
        """End it as systemd does; gives its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(DEADLINE_SECONDS)
        report = SANITIZER_REPORT.search(self.text())
        assert not report, self.text()
        return code

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.fleet.folder / "notify"))
        self.listener.join()
        self.socket.close()
        (self.fleet.folder / "notify").unlink()

    def reload(self):
        self.notices.clear()
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_notice("READY=1")

    def set_interval(self, seconds):
        for path in self.fleet.confdir.glob("repositories.d/*/replica.conf"):
            # Whole: the daemon may be reading it.
            replace_file(path,
                         re.sub(r"(?<=_INTERVAL=).*", str(seconds), path.read_text()).encode())
        self.reload()

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

    def idle_descriptors(self, interval=1):
        """Their number while no run is under way; then every replica is due at INTERVAL again."""
        self.set_interval(NEVER)
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + NEVER / 2))
        wait_until(lambda: all(replica["next"] > soon and "running_since" not in replica
                               for replica in self.status()["replicas"].values()),
                   "the daemon is idle")
        descriptors = min((self.descriptors() for _ in range(50)), key=len)
        self.set_interval(interval)
        return len(descriptors)

    def descriptors(self):
        """What is open now; a scrub that reads has some for a moment."""
        time.sleep(0.02)
        found = []
        for path in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(path))
        return found

    def text(self):
        return self.errors.read_text()

    def status(self):
        return json.loads((self.fleet.spool / "snapshotd.json").read_text())

    def runs(self, name, result="ok"):
        """Its lines on runs of one repository with this result."""
        return [line for line in self.text().splitlines()
                if f"snapshot repository={name}.example.net result={result}" in line]

    def wait_for_runs(self, name, number=1, result="ok"):
        wait_until(lambda: len(self.runs(name, result)) >= number,
                   f"{name} ran {number} times: {self.text()}")
