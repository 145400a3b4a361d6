# SPDX-License-Identifier: Apache-2.0
"""scripts/quickstart from a copy of the tree: runs, serves, stops, leaves nothing."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

import mmdb
from geodb_server import GeodbServer, tar_gz
from servers import BUILD, DEADLINE_SECONDS, TOP, fetch, wait_until

WHAT_IT_READS = ("scripts", "conf", "docs", "README.md")


class Quickstart:
    def __init__(self, top):
        self.top = top
        for name in WHAT_IT_READS:
            copy = shutil.copytree if (TOP / name).is_dir() else shutil.copy
            copy(TOP / name, top / name)

    def run(self, *arguments, **more):
        environment = {**os.environ, "REPLICA_QUICKSTART_BUILD": str(BUILD), **more}
        return subprocess.run([self.top / "scripts/quickstart", *arguments], cwd="/",
                              env=environment, capture_output=True, text=True,
                              timeout=5 * DEADLINE_SECONDS)

    def pids(self):
        return {path.name: int(path.read_text())
                for path in (self.top / "run/pids").glob("*")}

    def processes(self):
        """Everything that runs below our folder, not only what has a pid file."""
        lines = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{self.top}/run/" in line:
                lines[path.parent.name] = line
        return lines

    def expect_no_process(self):
        """Helpers end a moment after the server that they belong to."""
        wait_until(lambda: not self.processes(), "nothing runs any more")


@pytest.fixture
def quickstart(folder):
    top = folder / "tree"
    top.mkdir()
    quickstart = Quickstart(top)
    yield quickstart
    quickstart.run("stop")


def urls(output):
    return {name: (int(port), path) for name, port, path in
            re.findall(r"^  ([a-z A-Z]+?) {2,}http://127\.0\.0\.1:(\d+)(\S+)$", output, re.M)}


def start(quickstart, *arguments, servers=("httpd", "snapshotd", "squid"), **environment):
    run = quickstart.run("--background", *arguments, **environment)
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted(quickstart.pids()) == sorted(servers)
    return urls(run.stdout)


def assert_serves_its_root_catalog(port, path):
    manifest = fetch(port, path)
    assert manifest.status == 200
    root = re.search(rb"^C([0-9a-f]{40})$", manifest.body, re.M).group(1).decode()
    catalog = fetch(port, path.replace(".cvmfspublished", f"data/{root[:2]}/{root[2:]}C"))
    assert catalog.status == 200
    assert hashlib.sha1(catalog.body).hexdigest() == root
    return catalog


def test_runs_again_at_once_stops_and_leaves_nothing(quickstart):
    first = start(quickstart)
    answer = assert_serves_its_root_catalog(*first["through Squid"])
    assert "via" in answer.headers  # Squid was there
    assert_serves_its_root_catalog(*first["httpd"])
    before = quickstart.processes()

    second = start(quickstart)
    wait_until(lambda: not before.keys() & quickstart.processes().keys(), "the first ones are gone")
    assert_serves_its_root_catalog(*second["through Squid"])

    stop = quickstart.run("stop")
    assert (stop.returncode, stop.stdout) == (0, "Stopped.\n")
    assert quickstart.pids() == {}
    quickstart.expect_no_process()


def test_takes_other_ports_and_a_repository_of_the_callers(quickstart, folder):
    origin = start(quickstart)
    (folder / "other").mkdir()
    other = Quickstart(folder / "other")
    try:
        port, path = origin["origin"]
        there = start(other, f"http://127.0.0.1:{port}{path}",
                      quickstart.top / "run/origin/etc/keys/demo.example.net.pub")
        assert not {port for port, _ in origin.values()} & \
            {port for name, (port, _) in there.items() if name != "origin"}
        assert_serves_its_root_catalog(*there["through Squid"])
    finally:
        other.run("stop")
    other.expect_no_process()
    assert_serves_its_root_catalog(*origin["through Squid"])


def test_answers_a_question_to_the_geo_api(quickstart, folder):
    places = {"131.225.0.0/16": (41.8, -88.3), "188.184.0.0/16": (46.2, 6.1),
              "202.122.0.0/16": (39.9, 116.4), "137.138.0.0/16": (46.2, 6.0)}
    for version in (4, 6):
        mmdb.write(folder / f"{version}.mmdb", places.items(), ip_version=version, flat=True)
    server = GeodbServer()
    server.answers["/package.tgz"] = tar_gz({
        f"package/dbip-city-ipv{version}.mmdb": (folder / f"{version}.mmdb").read_bytes()
        for version in (4, 6)})
    try:
        run = quickstart.run("--geo", "--background",
                             REPLICA_QUICKSTART_GEO_URL=f"{server.url}/package.tgz")
        assert run.returncode == 0, run.stdout + run.stderr
        assert "CC BY 4.0" in run.stdout
        assert "  answer: 2,1,3\n" in run.stdout
        assert server.paths().count("/package.tgz") == 1
        run = quickstart.run("--background", "--geo", REPLICA_QUICKSTART_GEO_URL=server.url)
        assert "  answer: 2,1,3\n" in run.stdout, run.stdout + run.stderr
        assert quickstart.run("stop").returncode == 0
        shutil.rmtree(quickstart.top / "run/geo")
        run = quickstart.run("--background", "--geo", REPLICA_QUICKSTART_GEO_URL=server.url)
        assert run.returncode == 1 and "there is no geo database" in run.stderr
    finally:
        server.close()


def test_files_come_and_go(quickstart):
    servers = ("httpd", "snapshotd", "squid", "publisher", "events")
    for _ in range(2):  # the second time it goes on with what is there
        run = quickstart.run("--background", "--ephemeral")
        assert run.returncode == 0, run.stdout + run.stderr
        assert re.search(r"The replica had revision \d+ \d+ ms after that\.", run.stdout)
        assert "It has expired: it is not in the next revision" in run.stdout
        assert sorted(quickstart.pids()) == sorted(servers)
    where = urls(run.stdout)
    assert_serves_its_root_catalog(*where["httpd"])
    token = (quickstart.top / "run/origin/token").read_text().strip()
    port, path = where["upload API"]
    assert fetch(port, path).status == 401
    answer = fetch(port, path, headers={"Authorization": f"Bearer {token}"})
    assert answer.status == 200 and json.loads(answer.body)["files"] == ["new_repository"]
    assert quickstart.run("stop").returncode == 0
    quickstart.expect_no_process()
    assert_serves_its_root_catalog(*start(quickstart)["httpd"])


def test_says_what_is_wrong_with_its_arguments(quickstart, folder):
    key = folder / "key.pub"
    key.write_text("no key")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{nobody.getsockname()[1]}/cvmfs/sw.example.net"
        for arguments, message in (
                ((dead,), "usage: "),
                (("http://127.0.0.1/", key), "does not name a repository"),
                (("ftp://127.0.0.1/cvmfs/sw.example.net", key), "does not name a repository"),
                ((dead, folder / "nothing"), f"there is no public key file {folder}/nothing"),
                (("--ephemeral", dead, key), "--ephemeral makes a repository of its own"),
                ((dead, key), "add-replica failed")):
            run = quickstart.run("--background", *arguments)
            assert run.returncode == 1
            assert message in run.stderr
            quickstart.expect_no_process()
