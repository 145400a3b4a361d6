# SPDX-License-Identifier: Apache-2.0
"""Several upstreams: the newest verified manifest, and every object from whoever has it."""

import contextlib
import json
import random
import re
import shutil
import socket
import subprocess
import sys

import pytest

from closure import Closure, manifest_fields, object_path, tag_roots
from origin import Origin
from replica import REPLICACTL, Published, Replica
from servers import DEADLINE_SECONDS, free_port, is_listening, wait_until
from snapshotd import Fleet, Snapshotd
from sources import change, fill

FQRN = "sw.example.net"
DATA = r"/data/../[0-9a-f]+P?$"
FILES = 200
# What may be under way, and tried again, when a server is given up.
FEW = 100


@pytest.fixture(scope="module")
def published_twice(tmp_path_factory):
    """Two revisions of one repository: (first, second, key), folders that only tests copy."""
    folder = tmp_path_factory.mktemp("published")
    source = fill(folder / "source", random.Random(7), packages=10, files=FILES // 10)
    repository = Published(folder / "origin", FQRN, "minimum=131072", "average=262144",
                           "maximum=524288", "tags=yes")
    repository.publish(source)
    shutil.copytree(repository.storage, folder / "first")
    change(source, random.Random(8))
    repository.publish(source)
    return folder / "first", repository.storage, repository.key


class Site:
    """Two servers of the same repository, and a replica of both."""

    def __init__(self, folder, published_twice):
        self.folder = folder
        self.old, self.new, self.key = published_twice
        self.first = Origin({FQRN: self.new}, random.Random(1))
        self.second = Origin({FQRN: self.new}, random.Random(2))
        self.servers = [self.first, self.second]
        self.replica = self.replica_of(*(server.url(FQRN) for server in self.servers))

    def replica_of(self, first, *others, name="replica", **settings):
        return Replica(self.folder / name, FQRN, first, self.key,
                       REPLICA_UPSTREAMS=f"'{' '.join(others)}'", **settings)

    def offer(self, server, storage):
        server.repositories[FQRN] = storage

    def assert_complete(self, storage=None, replica=None):
        """Exactly what the revision reaches, byte for byte."""
        storage, replica = storage or self.new, replica or self.replica
        expected = Closure(storage).objects
        assert replica.closure().objects == expected
        assert replica.objects() == expected
        for path in [*expected, ".cvmfspublished", ".cvmfswhitelist"]:
            assert (replica.storage / path).read_bytes() == (storage / path).read_bytes()
        assert replica.leftovers() == []

    def close(self):
        for server in self.servers:
            server.close()


@pytest.fixture
def site(folder, published_twice):
    site = Site(folder, published_twice)
    yield site
    site.close()


def warnings(run):
    return [line for line in run.output.splitlines() if line.startswith("Warning")]


def objects_asked(server):
    return [path for path in server.paths() if path.startswith("data/")]


@contextlib.contextmanager
def hanging_server():
    """Accepts connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/cvmfs/{FQRN}"


def test_with_two_healthy_ones_the_second_is_only_asked_for_its_revision(site):
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert site.second.paths() == [".cvmfspublished"]
    assert site.second.paths("HEAD") == [".cvmfs_master_replica"]
    assert f"comes from {site.first.url(FQRN)}" in run.output
    assert warnings(run) == []
    site.second.heal()
    site.first.heal()
    site.replica.snapshot().assert_ok()
    assert site.first.paths() == [".cvmfspublished", ".cvmfswhitelist"]
    assert site.second.paths() == [".cvmfspublished"]


def test_one_that_is_named_twice_counts_once(site):
    url = site.first.url(FQRN)
    replica = site.replica_of(url, url, url + "/", name="twice")
    replica.snapshot().assert_ok()
    site.assert_complete(replica=replica)
    assert site.first.paths("HEAD") == [".cvmfs_master_replica"]


def test_the_first_is_down_from_the_start(site):
    site.first.close()
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert [str(site.first.port) in line for line in warnings(run)] == [True]
    assert f"comes from {site.second.url(FQRN)}" in run.output


def test_the_second_is_down(site):
    site.second.close()
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert [str(site.second.port) in line for line in warnings(run)] == [True]


def test_the_first_is_killed_in_the_middle(site):
    root = site.folder / "www"
    (root / "cvmfs").mkdir(parents=True)
    (root / "cvmfs" / FQRN).symlink_to(site.new)
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "http.server", "-d", root, "-b", "127.0.0.1",
                               str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: is_listening(port), "the server listens")
        replica = site.replica_of(f"http://127.0.0.1:{port}/cvmfs/{FQRN}",
                                  site.second.url(FQRN), name="killed",
                                  REPLICA_ORIGIN_CONNECTIONS=4,
                                  REPLICA_ORIGIN_BANDWIDTH=100_000)
        process = replica.begin()
        wait_until(lambda: len(replica.objects()) > 20, "it is in the middle")
        server.kill()
        missing = Closure(site.new).objects - replica.objects()
        output, _ = process.communicate(timeout=4 * DEADLINE_SECONDS)
        assert process.returncode == 0, output
    finally:
        server.kill()
        server.wait()
    site.assert_complete(replica=replica)
    # Some of it had come, and had no name yet.
    assert len(missing & set(objects_asked(site.second))) > len(missing) // 2
    assert re.search(rf"Upstream http://127.0.0.1:{port}/.* out of order", output)


@pytest.mark.parametrize("kind,argument", [("status", 500), ("hang up", None), ("status", 503)])
def test_the_first_fails_after_some_requests(site, kind, argument):
    fault = site.first.fault("", kind, argument, after=FILES // 4)
    site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert 0 < fault.hits < FEW, "it is left alone"


def test_the_first_stalls_after_some_requests(site):
    """What is under way waits once for the timeout, what is queued does not."""
    site.replica.configure(REPLICA_UPSTREAMS=site.second.url(FQRN), CVMFS_HTTP_TIMEOUT=2)
    fault = site.first.fault("/data/", "stall", 0, after=FILES // 4)
    site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert 0 < fault.hits < FEW


def test_one_that_recovers_is_asked_again(site):
    fault = site.first.fault("/data/", "status", 500, times=4, after=10)
    site.replica.configure(REPLICA_UPSTREAMS=site.second.url(FQRN),
                           REPLICA_ORIGIN_BANDWIDTH=100_000)
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert fault.hits == 4
    assert objects_asked(site.second), "while the first one rested"
    assert len(objects_asked(site.first)) > len(objects_asked(site.second))
    assert "out of order" not in run.output


@pytest.mark.parametrize("kind,argument", [("hang up", None), ("cut", 0), ("status", 403),
                                           ("redirect", "http://127.0.0.1:1")])
def test_eessi_docs_157_a_box_resets_the_transfers_of_certain_objects(site, kind, argument):
    """Some objects do not come through from one server, others not from the other."""
    site.first.fault(r"/data/[0-7][0-9a-f]/[0-9a-f]+$", kind, argument)
    site.second.fault(r"/data/[89a-f][0-9a-f]/[0-9a-f]+$", kind, argument)
    site.replica.snapshot().assert_ok()
    site.assert_complete()


def test_an_object_that_only_a_resting_server_gives_is_asked_there(site):
    """Without a second try: the first one rests long before the other refuses what it has."""
    site.first.fault(r"/data/[0-7][0-9a-f]/[0-9a-f]+$", "hang up")
    site.second.fault(r"/data/[89a-f][0-9a-f]/[0-9a-f]+$", "hang up")
    site.replica.configure(REPLICA_UPSTREAMS=site.second.url(FQRN), CVMFS_HTTP_RETRIES=0)
    site.replica.snapshot().assert_ok()
    site.assert_complete()


@pytest.mark.parametrize("kind,argument", [("corrupt", None), ("longer", 10), ("shorter", None),
                                           ("missing", None), ("replace", b"<html>blocked"),
                                           ("replace", b""), ("cut", 100_000)])
def test_the_first_has_wrong_bytes_or_none_for_some_objects(site, kind, argument):
    fault = site.first.fault(r"/data/.[0-9]/", kind, argument)
    site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert fault.hits > 0


@pytest.mark.parametrize("letter", "CHMX")
@pytest.mark.parametrize("kind,argument", [("corrupt", None), ("missing", None),
                                           ("status", 500)])
def test_the_first_has_not_what_the_manifest_names(site, letter, kind, argument):
    text = manifest_fields(site.new)[letter]
    site.first.fault(object_path(text, letter), kind, argument)
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert warnings(run) == []
    assert objects_asked(site.second) == [object_path(text, letter)]


def test_a_large_object_goes_on_at_the_other_server(site):
    """Where one was cut the other goes on; wrong bytes of the first are found by the hash."""
    size, path = max((path.stat().st_size, path) for path in (site.new / "data").glob("??/*"))
    assert size > 70_000
    name = f"{path.parent.name}/{path.name}$"
    site.first.fault(name, "cut", 66_000)
    site.replica.snapshot().assert_ok()
    site.assert_complete()
    ranges = [headers.get("Range") for _, asked, headers in site.second.requests
              if asked.endswith(path.name)]
    assert ranges == ["bytes=66000-"]


def test_both_halves_of_wrong_origin(site):
    _, path = max((path.stat().st_size, path) for path in (site.new / "data").glob("??/*"))
    name = f"{path.parent.name}/{path.name}$"
    site.first.fault(name, "cut", 66_000)
    wrong = site.folder / "wrong"
    shutil.copytree(site.new, wrong)
    (wrong / "data" / path.parent.name / path.name).write_bytes(
        b"\0" + path.read_bytes()[1:])
    site.offer(site.first, wrong)
    site.replica.snapshot().assert_ok()
    site.assert_complete()


def test_the_second_is_older(site):
    site.offer(site.second, site.old)
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert f"comes from {site.first.url(FQRN)}" in run.output
    assert objects_asked(site.second) == []


def test_the_second_is_newer(site):
    """Its manifest, its objects first, and the older one's if it must be."""
    site.offer(site.first, site.old)
    site.second.fault(DATA, "status", 500, after=20)
    run = site.replica.snapshot().assert_failed("500")
    assert f"comes from {site.second.url(FQRN)}" in run.output
    assert "Revision 3" in run.output
    assert len(objects_asked(site.first)) > 0
    site.second.heal()
    site.replica.snapshot().assert_ok()
    site.assert_complete()


def test_the_first_is_far_behind_and_hardly_asked(site):
    site.offer(site.first, site.old)
    site.replica.snapshot().assert_ok()
    site.assert_complete()
    # The certificate is needed before it is known who is behind.
    assert [path for path in objects_asked(site.first) if not path.endswith("X")] == []


def test_behind_what_is_served_while_the_first_is_down(site):
    site.replica.snapshot().assert_ok()
    site.first.close()
    site.offer(site.second, site.old)
    before = site.replica.manifest()
    run = site.replica.snapshot().assert_failed(str(site.first.port), "revision 2")
    assert "--accept-older" not in run.output or "older" in run.output
    assert site.replica.manifest() == before


def test_the_operator_accepts_what_one_of_them_offers(site):
    site.replica.snapshot().assert_ok()
    site.offer(site.second, site.old)
    site.replica.snapshot("--accept-older", "2").assert_ok()
    assert manifest_fields(site.replica.storage)["S"] == "2"


def other_repository(folder, fqrn=FQRN):
    """The same files, signed by somebody else."""
    repository = Published(folder / "other", fqrn)
    for number in range(3):
        repository.publish(fill(folder / f"other{number}", random.Random(9), packages=1))
    return repository.storage


@pytest.mark.parametrize("place", ["first", "second"])
@pytest.mark.parametrize("what", ["wrong keys", "wrong name", "no marker", "no manifest",
                                  "garbage", "expired"])
def test_one_that_must_not_be_used_is_not(site, what, place):
    server = getattr(site, place)
    other = site.second if place == "first" else site.first
    if what in ("wrong keys", "wrong name"):
        fqrn = FQRN if what == "wrong keys" else "other.example.net"
        site.offer(server, other_repository(site.folder, fqrn))
    elif what == "no marker":
        server.fault(r"\.cvmfs_master_replica$", "missing")
    elif what == "no manifest":
        server.fault(r"\.cvmfspublished$", "missing")
    elif what == "garbage":
        server.fault(r"\.cvmfspublished$", "replace", b"<html>\n")
    else:
        storage = shutil.copytree(site.new, site.folder / "expired")
        body = (storage / ".cvmfspublished").read_bytes()
        (storage / ".cvmfspublished").write_bytes(body[:-3] + b"abc")
        site.offer(server, storage)
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert len(warnings(run)) == 1
    assert f"{server.port}" in warnings(run)[0] and "is not used" in warnings(run)[0]
    assert f"comes from {other.url(FQRN)}" in run.output
    assert not [path for path in objects_asked(server) if not path.endswith("X")]


def test_a_hanging_second_one_delays_nobody_for_long(site):
    with hanging_server() as url:
        replica = site.replica_of(site.first.url(FQRN), url, name="hanging",
                                  CVMFS_HTTP_TIMEOUT=1000)
        run = replica.snapshot().assert_ok()
        site.assert_complete(replica=replica)
        assert [url in line for line in warnings(run)] == [True]
        replica.snapshot().assert_ok()


def test_a_hanging_first_one(site):
    with hanging_server() as url:
        replica = site.replica_of(url, site.second.url(FQRN), name="hanging",
                                  CVMFS_HTTP_TIMEOUT=2)
        run = replica.snapshot().assert_ok()
    site.assert_complete(replica=replica)
    assert [url in line for line in warnings(run)] == [True]


@pytest.mark.parametrize("kind,argument", [("missing", None), ("hang up", None)])
def test_the_first_has_no_whitelist(site, kind, argument):
    """It is found out with few requests: no other server has this one's whitelist."""
    fault = site.first.fault(r"\.cvmfswhitelist$", kind, argument)
    run = site.replica.snapshot().assert_ok()
    site.assert_complete()
    assert [str(site.first.port) in line for line in warnings(run)] == [True]
    assert ("HTTP status 404" in run.output) == (kind == "missing")
    assert 0 < fault.hits < 10


def test_wrong_bytes_and_cut_lines_everywhere_have_an_end(folder, published_twice):
    """Both servers cut the line after more than a MiB, which is progress, and what they give
    together is never right."""
    source = folder / "source"
    source.mkdir()
    (source / "large").write_bytes(random.Random(3).randbytes(4_000_000))
    published = Published(folder / "published", FQRN, "minimum=8388608", "average=16777216",
                          "maximum=33554432")
    published.publish(source)
    size, path = max((path.stat().st_size, path)
                     for path in (published.storage / "data").glob("??/*"))
    assert size > 3_000_000
    path.write_bytes(b"\0" + path.read_bytes()[1:])
    with contextlib.closing(Origin({FQRN: published.storage}, random.Random(1))) as first, \
            contextlib.closing(Origin({FQRN: published.storage}, random.Random(2))) as second:
        for server in (first, second):
            server.fault(f"{path.name}$", "cut", 1_200_000)
        replica = Replica(folder / "replica", FQRN, first.url(FQRN), published.key,
                          REPLICA_UPSTREAMS=second.url(FQRN), CVMFS_HTTP_RETRIES=1)
        replica.snapshot().assert_failed(path.name, "nor from the others")
        assert replica.manifest() is None


def test_all_down_says_each(site):
    site.first.close()
    site.second.close()
    run = site.replica.snapshot().assert_failed(str(site.first.port), str(site.second.port))
    assert run.output.count("Warning") == 2
    assert site.replica.manifest() is None
    site.first.open()
    site.replica.snapshot().assert_ok()
    site.assert_complete()


def test_none_may_be_used(site):
    site.first.fault(r"\.cvmfs_master_replica$", "missing")
    site.second.fault(r"\.cvmfspublished$", "missing")
    site.replica.snapshot().assert_failed("not a server for replication",
                                          str(site.second.port))


def gone_roots(site):
    """Root catalogs that only tags of older revisions name."""
    head = manifest_fields(site.new)["C"]
    roots = [text for text in tag_roots(site.new) if text != head]
    assert roots
    return "|".join(text[2:] + "C" for text in roots)


@pytest.fixture(scope="module")
def collectable_twice(tmp_path_factory):
    """The same, with garbage collection at the origin."""
    folder = tmp_path_factory.mktemp("collectable")
    source = fill(folder / "source", random.Random(7))
    repository = Published(folder / "origin", FQRN, "tags=yes", "collectable=yes")
    repository.publish(source)
    shutil.copytree(repository.storage, folder / "first")
    change(source, random.Random(8))
    repository.publish(source)
    return folder / "first", repository.storage, repository.key


@pytest.fixture
def collectable(folder, collectable_twice):
    site = Site(folder, collectable_twice)
    yield site
    site.close()


def test_old_roots_that_one_of_them_has_are_fetched(collectable):
    collectable.first.fault(gone_roots(collectable), "missing")
    collectable.replica.snapshot().assert_ok()
    collectable.assert_complete()


@pytest.mark.parametrize("second", ["missing", "down"])
def test_old_roots_are_gone_if_all_that_answer_say_so(collectable, second):
    collectable.first.fault(gone_roots(collectable), "missing")
    if second == "down":
        collectable.second.close()
    else:
        collectable.second.fault(gone_roots(collectable), "missing")
    collectable.replica.snapshot().assert_ok()
    assert manifest_fields(collectable.replica.storage)["S"] == "3"


@pytest.mark.parametrize("passing", ["first", "second"])
@pytest.mark.parametrize("kind,argument", [("status", 500), ("hang up", None), ("corrupt", None)])
def test_cvmfs_4270_a_passing_error_never_means_gone(collectable, passing, kind, argument):
    """Although the other one says so."""
    other = "second" if passing == "first" else "first"
    getattr(collectable, other).fault(gone_roots(collectable), "missing")
    getattr(collectable, passing).fault(gone_roots(collectable), kind, argument)
    if passing == "second" and kind == "hang up":
        # Else it is left alone: it might as well be down.
        collectable.replica.configure(CVMFS_HTTP_RETRIES=1,
                                      REPLICA_UPSTREAMS=collectable.second.url(FQRN))
    collectable.replica.snapshot().assert_failed()
    assert collectable.replica.manifest() is None


def test_counts_are_told_and_the_status_file_stays_flat(site):
    run = site.replica.snapshot().assert_ok()
    for server in site.servers:
        assert re.search(rf"^Upstream {server.url(FQRN)}: {len(server.requests)} requests, "
                         r"\d+ KiB$", run.output, re.MULTILINE)
    status = json.loads((site.replica.storage / ".cvmfs_status.json").read_text())
    assert all(isinstance(value, str) for value in status.values())


def test_status_shows_what_the_daemon_found_out(folder):
    fleet = Fleet(folder)
    daemon = Snapshotd(fleet)
    down = f"http://127.0.0.1:{free_port()}/cvmfs/a.example.net"
    replica = fleet.add("a", REPLICA_UPSTREAMS=down, CVMFS_HTTP_RETRIES=0)
    try:
        daemon.start()
        daemon.wait_for_runs("a")
        wait_until(lambda: "upstreams" in daemon.status()["replicas"]["a.example.net"], "it is written down")

        def status(*flags):
            return subprocess.run([REPLICACTL, "status", *flags], text=True, check=False,
                                  stdout=subprocess.PIPE, env=replica.environment()).stdout

        report = json.loads(status("--json"))["repositories"][0]
        first, second = report["upstreams"]
        assert first == {"url": fleet.origin.url("a.example.net"), "revision": 2,
                         "healthy": True}
        assert (second["url"], second["healthy"]) == (down, False)
        assert down in second["error"]
        assert f"upstream {down}: " in status()
        assert fleet.origin.url("a.example.net") not in status()
    finally:
        daemon.close()
        fleet.origin.close()
