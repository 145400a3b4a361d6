# SPDX-License-Identifier: Apache-2.0
"""replicactl notify: the stock tool's options and exit codes."""

import os
import signal
import subprocess

import pytest

from event_site import EventSite
from replica import REPLICACTL
from servers import DEADLINE_SECONDS, free_port, wait_until
from test_event_log import rows


@pytest.fixture
def site(folder, origin, published):
    site = EventSite(folder, origin.url(published.fqrn), published)
    site.replica.snapshot().assert_ok()
    yield site
    site.close()


def notify(site, *arguments, code=0):
    done = subprocess.run([REPLICACTL, "notify", *map(str, arguments)], text=True,
                          capture_output=True, env=site.replica.environment(),
                          timeout=4 * DEADLINE_SECONDS, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("from_url", [True, False])
def test_it_publishes_the_manifest_of_a_repository(site, from_url):
    site.log.unlink()
    server = site.server.start()
    source = site.replica.url if from_url else site.published.storage
    notify(site, "-p", "-u", server.url, "-r", source)
    assert [(row[1], row[4]) for row in rows(site.log)] == [(site.name, "message")]
    assert "is at revision" in notify(site, "-p", "-v", "-u", server.url, "-r", source)


def test_its_exit_codes_are_those_of_the_stock_tool(site, folder):
    server = site.server.start()
    nobody = f"http://127.0.0.1:{free_port()}"
    notify(site, "-p", "-u", server.url, "-r", f"{nobody}/cvmfs/x", code=6)
    notify(site, "-p", "-u", server.url, "-r", folder / "nowhere", code=7)
    (folder / "odd" / ".cvmfspublished").mkdir(parents=True)
    notify(site, "-p", "-u", server.url, "-r", folder / "odd", code=8)
    notify(site, "-p", "-u", nobody, "-r", site.published.storage, code=9)
    for wrong in (["-p", "-s"], [], ["-p"], ["-s"]):
        notify(site, "-u", server.url, *wrong, code=1)
    notify(site, "-s", "-t", site.name, code=3)
    notify(site, "-s", "-u", server.url, "-t", site.name, "-m", "x", code=3)


def test_a_message_that_is_refused_is_a_failure(site, folder):
    server = site.server.start()
    (folder / "bad").mkdir()
    manifest = (site.published.storage / ".cvmfspublished").read_bytes()
    (folder / "bad" / ".cvmfspublished").write_bytes(manifest[:-1] + b"?")
    assert "HTTP 400" in notify(site, "-p", "-u", server.url, "-r", folder / "bad", code=9)


def test_it_waits_for_a_revision(site):
    server = site.server.start()
    output = notify(site, "-s", "-u", server.url, "-t", site.name)
    revision = rows(site.log)[-1][2]
    assert output == f"repository {site.name} is now at revision {revision}.\n"
    assert '"manifest"' in notify(site, "-s", "-v", "-u", server.url, "-t", site.name)


def test_it_follows_a_repository_through_restarts_until_it_is_stopped(site):
    server = site.server.start()
    revision = rows(site.log)[-1][2]
    output = site.folder / "output"
    with open(output, "wb") as file:
        process = subprocess.Popen(
            [REPLICACTL, "notify", "-s", "-c", "-u", server.url, "-t", site.name, "-m", str(revision - 1)],
            stdout=file, stderr=subprocess.STDOUT, env=site.replica.environment())
    try:
        wait_until(lambda: "is now at revision" in output.read_text(), "it has the first")
        server.restart(signal.SIGKILL)
        wait_until(lambda: len(output.read_text().splitlines()) > 1, "it lost the stream")
        assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(DEADLINE_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
    assert output.read_text().count("is now at revision") == 1
