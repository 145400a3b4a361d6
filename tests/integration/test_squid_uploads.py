# SPDX-License-Identifier: Apache-2.0
"""Neither the upload door nor the status door can be reached through the shipped Squid, however httpd is
set up."""

import pytest

from conftest import make_folder
from servers import Httpd, fetch
from squid import Squid
from uploads import NAME, good

PATHS = [f"/repos/{NAME}", f"/repos/{NAME}/x", f"/cvmfs/../repos/{NAME}/x", f"//repos/{NAME}/x",
         f"/cvmfs/%2e%2e/repos/{NAME}/x", f"/cvmfs/..%2frepos/{NAME}/x",
         f"http://127.0.0.1:8081/repos/{NAME}/x", f"http://{NAME}/repos/{NAME}/x"]
CALLS = ["/gc", "/housekeeping", "/resign", f"/repos/{NAME}/clean", f"/repos/{NAME}/notify",
         f"/repos/{NAME}/x/ttl?ttl_s=1", "/cvmfs/../gc", "//gc", "/cvmfs/%2e%2e/housekeeping"]
STATUS = ["/replica-status/", "/replica-status/metrics", "/replica-status/status.json"]
AROUND = ["{}", "/{}", "/cvmfs/..{}", "/cvmfs/%2e%2e{}", "/cvmfs/x/../..{}", "http://127.0.0.1:8008{}"]


@pytest.fixture(scope="module")
def both(shared_uploads):
    """Squid before an httpd that has, against all advice, every door open."""
    uploads = shared_uploads()
    uploads.allow("allow anonymous all *", "allow ci all *")
    good(uploads.put("x", b"secret bytes"))
    folder = make_folder()
    httpd = Httpd(folder / "httpd", f"Replica {uploads.confdir} serve status upload\n").start()
    squid = Squid(folder / "squid", "squid-accelerator.conf", httpd.port).start()
    yield uploads, httpd, squid
    squid.stop()
    httpd.stop()


@pytest.mark.parametrize("path", PATHS)
def test_no_port_leads_to_it(both, path):
    uploads, httpd, squid = both
    assert httpd.fetch(f"/repos/{NAME}/x").body == b"secret bytes", "it is there without Squid"
    before = uploads.revision()
    assert {80, 8000} <= set(squid.ports)
    for port in squid.ports.values():
        for method, body in (("GET", None), ("PUT", b"new"), ("POST", b""), ("DELETE", None)):
            answer = fetch(port, path, method, {"Authorization": "Bearer secret"}, body)
            assert answer.status in (400, 403, 404, 405), (method, answer.status)
            assert b"secret bytes" not in answer.body
    assert fetch(squid.ports[80], f"/cvmfs/{NAME}/.cvmfspublished").status == 200
    assert uploads.revision() == before


def test_public_key_and_certificate_are_had_on_each_port(both):
    uploads, _, squid = both
    for port in squid.ports.values():
        for ending in ("pub", "crt"):
            answer = fetch(port, f"/cvmfs-meta/{NAME}.{ending}")
            assert answer.body == (uploads.confdir / "keys" / f"{NAME}.{ending}").read_bytes()
        for ending in ("key", "masterkey", "gw"):
            assert fetch(port, f"/cvmfs-meta/{NAME}.{ending}").status in (403, 404)


def test_no_port_leads_to_the_calls_of_an_administrator(both):
    uploads, _, squid = both
    before = uploads.revision(), (uploads.storage / ".cvmfswhitelist").read_bytes()
    for port in squid.ports.values():
        for path in CALLS:
            answer = fetch(port, path, "POST", {"Authorization": "Bearer secret"}, b"")
            assert answer.status in (400, 403, 404, 405), path
            assert not answer.body.startswith(b"{"), "the door says nothing at all"
    assert (uploads.revision(), (uploads.storage / ".cvmfswhitelist").read_bytes()) == before


@pytest.mark.parametrize("path", STATUS)
def test_no_port_leads_to_the_status(both, path):
    _, httpd, squid = both
    assert NAME.encode() in httpd.fetch(path).body, "it is there without Squid"
    for port in squid.ports.values():
        for way in AROUND:
            answer = fetch(port, way.format(path))
            assert answer.status in (400, 403, 404), way
            assert b"revision" not in answer.body
