# SPDX-License-Identifier: Apache-2.0
"""Whitelists that snapshotd signs anew in time, and what happens if it cannot."""

import calendar
import fcntl
import hashlib
import json
import re
import subprocess
import time

import pytest

from replica import REPLICACTL, Published
from servers import Httpd, wait_until
from stratum0 import Stratum0

NAME = "sw.example.net"
DAY = 86400
OTHER = ":".join(["AB"] * 20)


def whitelist(stratum0):
    return (stratum0.storage / ".cvmfswhitelist").read_bytes()


def expires(stratum0):
    """Days from now."""
    text = whitelist(stratum0).split(b"\n")[1][1:].decode()
    return (calendar.timegm(time.strptime(text, "%Y%m%d%H%M%S")) - time.time()) / DAY


def entries(stratum0):
    lines = whitelist(stratum0).split(b"\n")
    return [line.decode() for line in lines[3:lines.index(b"--")]]


def age(stratum0, days, life=30):
    """As if its whitelist had been signed so many days ago."""
    stratum0.published.tool("resign", f"now={int(time.time() - days * DAY)}", f"days={life}")


def own_fingerprint(stratum0):
    path = stratum0.keys / f"{NAME}.crt"
    output = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha1", "-in", path],
                            capture_output=True, text=True, check=True).stdout
    return output.strip().split("=")[1]


def sign_by_hand(stratum0, days_ago, *lines):
    """With openssl alone, as an operator may do it."""
    begin = time.time() - days_ago * DAY
    dates = [time.strftime("%Y%m%d%H%M%S", time.gmtime(begin + days * DAY)) for days in (0, 30)]
    body = "\n".join([dates[0], "E" + dates[1], "N" + NAME, *lines]) + "\n"
    digest = hashlib.sha1(body.encode()).hexdigest()
    signature = subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-inkey", stratum0.keys / f"{NAME}.masterkey"],
        input=digest.encode(), capture_output=True, check=True).stdout
    path = stratum0.storage / ".cvmfswhitelist"
    path.write_bytes(f"{body}--\n{digest}\n".encode() + signature)


def master(stratum0):
    return stratum0.keys / f"{NAME}.masterkey"


@pytest.fixture
def stratum0(fleet):
    made = Stratum0(fleet.folder / "replica",
                    Published(fleet.folder / "published", NAME, "tags=no"))
    made.keys = made.published.folder / "keys"
    made.notes = fleet.folder / "notes"
    made.notes.touch()
    program = fleet.folder / "tell"
    program.write_text(f'#!/bin/sh\necho "$@" "$REPLICA_MASTER_KEY$REPLICA_MASTER_KEY_FILE" '
                       f'>>{made.notes}\n')
    program.chmod(0o755)
    (made.confdir / "server.local").write_text(f"REPLICA_STATE_COMMAND={program}\n")
    return made


def look(daemon):
    """Have it look at all whitelists; it has looked when this returns."""
    if daemon.process is None or daemon.process.poll() is not None:
        daemon.start()
    wait_until(lambda: "whitelist_expires" in daemon.status()["signing"].get(NAME, {}),
               "it has looked once")
    daemon.reload()
    daemon.reload()  # told when the loop comes round again


def wait_for_problem(daemon, word):
    wait_until(lambda: word in daemon.status().get("signing", {}).get(NAME, {}).get("error", ""),
               f"the status says {word}")


def wait_for_good(daemon):
    wait_until(lambda: "error" not in daemon.status().get("signing", {}).get(NAME, {"error": 1}),
               "the status is good")


def report(stratum0):
    output = subprocess.run([REPLICACTL, "status", "--json"], capture_output=True, text=True,
                            check=True, env=stratum0.environment()).stdout
    return next(found for found in json.loads(output)["repositories"] if found["name"] == NAME)


def test_at_half_its_life_it_is_signed_anew_and_keeps_what_was_added(stratum0, daemon):
    sign_by_hand(stratum0, 16, "# ours", own_fingerprint(stratum0),
                 OTHER + " # the spare one, until May")
    daemon.start()
    wait_until(lambda: expires(stratum0) > 29, "it is signed")
    wait_until(lambda: "result=signed" in daemon.text(), "the log says so")
    assert entries(stratum0) == ["# ours", own_fingerprint(stratum0),
                                 OTHER + " # the spare one, until May"]
    after = whitelist(stratum0)
    look(daemon)
    assert whitelist(stratum0) == after, "nothing is due"
    assert daemon.status()["signing"][NAME]["days_left"] in (29, 30)
    assert daemon.stop() == 0
    assert stratum0.run("resign", "--drop-others").code == 0
    assert entries(stratum0) == [own_fingerprint(stratum0)]
    assert stratum0.notes.read_text() == ""


def test_nothing_is_signed_before_half_its_life(stratum0, daemon):
    age(stratum0, 14)
    before = whitelist(stratum0)
    look(daemon)
    assert whitelist(stratum0) == before
    assert "error" not in daemon.status()["signing"][NAME]


@pytest.mark.parametrize("how", ["expired", "missing"])
def test_what_is_dead_already_is_signed(stratum0, daemon, how):
    age(stratum0, 40)
    if how == "missing":
        (stratum0.storage / ".cvmfswhitelist").unlink()
    daemon.start()
    wait_until(lambda: "result=signed" in daemon.text(), "it is signed")
    assert expires(stratum0) > 29
    assert entries(stratum0) == [own_fingerprint(stratum0)]


def test_the_days_are_a_setting(stratum0, daemon):
    stratum0.configure(REPLICA_WHITELIST_DAYS=7)
    age(stratum0, 25)
    daemon.start()
    wait_until(lambda: "result=signed" in daemon.text(), "it is signed")
    assert 6 < expires(stratum0) <= 7
    daemon.stop()
    assert "Signing 7 day whitelist" in stratum0.run("resign").output


def test_without_the_key_there_is_a_warning_then_an_alert_and_its_end(stratum0, daemon):
    age(stratum0, 16)
    hidden = master(stratum0).rename(stratum0.keys / "hidden")
    daemon.start()
    wait_for_problem(daemon, f"{NAME}.masterkey")
    assert re.search(r"WARNING whitelist repository=\S+ days_left=13 not signed anew: cannot read",
                     daemon.text(), re.I)
    assert report(stratum0)["state"] == "published here"
    assert stratum0.notes.read_text() == ""
    hidden.rename(master(stratum0))
    age(stratum0, 22.5)
    master(stratum0).rename(hidden)
    daemon.reload()
    wait_until(lambda: "expiring" in stratum0.notes.read_text(), "somebody is told")
    wait_until(lambda: report(stratum0)["state"] == "whitelist ends soon", "the state says so")
    found = report(stratum0)
    assert found["whitelist_days_left"] == 7 and "masterkey" in found["signing_error"]
    assert re.search(r"ERROR whitelist repository=\S+ days_left=7 ", daemon.text(), re.I)
    table = subprocess.run([REPLICACTL, "status"], capture_output=True, text=True, check=True,
                           env=stratum0.environment()).stdout
    assert "whitelist ends soon" in table and "the whitelist is not signed anew: cannot" in table
    assert daemon.stop() == 0
    hidden.rename(master(stratum0))
    daemon.start()  # the alert is known from before
    wait_until(lambda: "signed" in stratum0.notes.read_text(), "somebody is told of the end")
    assert [line.split()[1] for line in stratum0.notes.read_text().splitlines()] == [
        "expiring", "signed"]
    wait_for_good(daemon)
    assert report(stratum0)["whitelist_days_left"] >= 29
    assert "signing_error" not in report(stratum0)


def test_a_short_whitelist_without_a_key_is_an_alert_before_half_its_life(stratum0, daemon):
    age(stratum0, 1, life=8)
    master(stratum0).unlink()
    daemon.start()
    wait_until(lambda: "expiring" in stratum0.notes.read_text(), "somebody is told")


def test_who_signs_elsewhere_gets_the_alert_alone(stratum0, daemon):
    stratum0.configure(REPLICA_WHITELIST_RENEWAL="no")
    age(stratum0, 20)
    look(daemon)
    assert "error" not in daemon.status()["signing"][NAME]
    age(stratum0, 23)
    daemon.reload()
    wait_for_problem(daemon, "REPLICA_WHITELIST_RENEWAL is off")
    age(stratum0, 20)
    daemon.reload()
    wait_for_good(daemon)


def test_a_key_that_others_may_read_is_refused(stratum0, daemon):
    age(stratum0, 16)
    before = whitelist(stratum0)
    master(stratum0).chmod(0o440)
    daemon.start()
    wait_for_problem(daemon, "chmod 0400")
    assert whitelist(stratum0) == before
    failed = stratum0.run("resign").assert_failed(f"{NAME}.masterkey", "mode 0440", "chmod 0400")
    assert "failed" in failed.output
    master(stratum0).chmod(0o400)
    (stratum0.keys / f"{NAME}.key").chmod(0o604)
    stratum0.run("resign").assert_failed(f"{NAME}.key", "mode 0604")
    assert whitelist(stratum0) == before


def test_another_master_key_signs_nothing(stratum0, daemon):
    age(stratum0, 16)
    before = whitelist(stratum0)
    master(stratum0).unlink()
    subprocess.run(["openssl", "genrsa", "-out", master(stratum0), "2048"], check=True,
                   capture_output=True)
    master(stratum0).chmod(0o400)
    daemon.start()
    wait_for_problem(daemon, "does not belong to")
    stratum0.run("resign").assert_failed("does not belong to", f"{NAME}.pub")
    assert whitelist(stratum0) == before
    (stratum0.keys / f"{NAME}.pub").unlink()
    daemon.reload()
    wait_for_problem(daemon, "not signed with the master key")
    assert whitelist(stratum0) == before


@pytest.mark.parametrize("damage", [b"", b"nonsense\n"])
def test_a_damaged_one_is_for_a_person_to_look_at(stratum0, daemon, damage):
    (stratum0.storage / ".cvmfswhitelist").write_bytes(damage)
    daemon.start()
    wait_for_problem(daemon, ".cvmfswhitelist")
    assert whitelist(stratum0) == damage
    wait_until(lambda: "expiring" in stratum0.notes.read_text(), "somebody is told")
    stratum0.run("resign").assert_ok()
    daemon.reload()
    wait_for_good(daemon)


@pytest.mark.parametrize("variable", ["REPLICA_MASTER_KEY", "REPLICA_MASTER_KEY_FILE"])
def test_the_key_may_be_in_the_environment(stratum0, daemon, monkeypatch, variable):
    age(stratum0, 24)
    elsewhere = master(stratum0).rename(stratum0.folder / "elsewhere.key")
    stratum0.run("resign").assert_failed(f"{NAME}.masterkey")
    daemon.start()
    wait_until(lambda: "expiring" in stratum0.notes.read_text(), "somebody is told")
    daemon.stop()
    monkeypatch.setenv(variable, str(elsewhere) if variable.endswith("FILE")
                       else elsewhere.read_text())
    daemon.start()
    wait_until(lambda: "result=signed" in daemon.text(), "it is signed")
    wait_until(lambda: "signed" in stratum0.notes.read_text(), "somebody is told of the end")
    assert stratum0.notes.read_text().splitlines()[-1].strip() == f"{NAME} signed"
    stratum0.run("resign", "-d", "9").assert_ok()
    assert 8 < expires(stratum0) <= 9
    if variable.endswith("FILE"):
        elsewhere.chmod(0o644)
        stratum0.run("resign").assert_failed("elsewhere.key", "chmod 0400")
    else:
        monkeypatch.setenv(variable, "nonsense")
        stratum0.run("resign").assert_failed("environment variable REPLICA_MASTER_KEY")
    assert "BEGIN" not in daemon.text()


def test_a_clock_that_is_behind_signs_nothing(stratum0, daemon):
    age(stratum0, -40)
    before = whitelist(stratum0)
    daemon.start()
    wait_for_problem(daemon, "this host's clock is behind")
    assert whitelist(stratum0) == before
    assert stratum0.notes.read_text() == "", "there is time"
    stratum0.run("resign").assert_ok()
    assert 29 < expires(stratum0) < 31
    daemon.reload()
    wait_for_good(daemon)


def test_it_waits_for_whoever_publishes(stratum0, daemon):
    age(stratum0, 16)
    before = whitelist(stratum0)
    with open(stratum0.spool / "is_updating.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        look(daemon)
        assert whitelist(stratum0) == before
        assert "error" not in daemon.status()["signing"][NAME]
    daemon.reload()
    wait_until(lambda: whitelist(stratum0) != before, "it is signed")


def test_repositories_of_others_are_left_alone(stratum0, daemon):
    stratum0.configure(CVMFS_USER="nobody")
    age(stratum0, 40)
    before = whitelist(stratum0)
    daemon.start()
    wait_until(lambda: NAME in daemon.status()["of_other_users"], "it is named")
    assert whitelist(stratum0) == before
    assert daemon.status()["signing"] == {}


def test_the_page_and_the_metrics_show_it(stratum0, daemon, folder):
    age(stratum0, 23)
    master(stratum0).unlink()
    daemon.start()
    wait_for_problem(daemon, "masterkey")
    httpd = Httpd(folder / "httpd", f"Replica {stratum0.confdir} status").start()
    try:
        page = httpd.fetch("/replica-status/").body.decode()
        assert "whitelist ends soon" in page and f"{NAME}.masterkey" in page
        metrics = httpd.fetch("/replica-status/metrics").body.decode()
    finally:
        httpd.stop()
    assert f'replica_repository_signing_failing{{repository="{NAME}"}} 1' in metrics
    assert f'replica_repository_whitelist_days_left{{repository="{NAME}"}} 6' in metrics
