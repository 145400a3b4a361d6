# SPDX-License-Identifier: Apache-2.0
"""replicactl adopt: a reference server is taken over in place, and given back."""

import fcntl
import json
import os
import pathlib
import pwd
import random
import signal
import subprocess
import time

import pytest

from cli import IS_ROOT, ME, owner_of
from loops import count
from reference import HEADER, Reference, give, look_at
from replica import REPLICACTL, Published
from servers import BUILD

SHIM = BUILD / "tests/integration/.libs/kill_shim.so"
NAME = "sw.example.net"
OTHER = "two.example.net"
# Before and after; without root nothing can change hands.
OLD, NEW = ("daemon", "nobody") if IS_ROOT else (ME, ME)
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root changes owners")


@pytest.fixture(params=["debian", "el"])
def any_server(folder, request):
    return Reference(folder / "server", request.param)


@pytest.fixture
def server(folder):
    return Reference(folder / "server")


@pytest.fixture
def replica(server, origin, published):
    server.add(NAME, origin.url(NAME), published.key, OLD)
    return server


def differences(before, after, but=()):
    return [name for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
            and not any(part in name for part in ("is_updating.lock", *but))]


def conf(server, name, file="server.conf"):
    return server.configuration(name, file).read_text()


def test_check_tells_all_and_changes_nothing(any_server, origin, published):
    server = any_server
    server.add(NAME, origin.url(NAME), published.key, OLD)
    before = server.picture()
    output = server.adopt("--check", "-o", NEW)
    assert differences(before, server.picture(), but=["nothing"]) == []
    assert server.picture() == before
    assert "cvmfs_stratum1_snapshot:3: no longer run: */5" in output
    assert "cron/root:1: no longer run: */10" in output
    assert "upkeep:1: goes on as it is" in output and "upkeep:2: goes on" in output
    for name in ("info", "+webapi", NAME):
        assert f"cvmfs.{name}.conf: renamed to cvmfs.{name}.conf.replica-adopted" in output
    assert f"written: ReadWritePaths=-{server.storage}/{NAME}" in output
    assert f"{NAME}: never snapshotted" in output
    if IS_ROOT:
        assert f"server.conf: CVMFS_USER={OLD} becomes CVMFS_USER={NEW}" in output
        assert f"{server.storage}/{NAME}: 0 files and 259 folders of daemon, 0 B, given to " \
               "nobody" in output
        assert f"{server.log}: 1 file and 1 folder of root" in output
        assert f"{server.spool}: the folder alone of root" in output


def test_there_and_back(any_server, origin, published):
    server = any_server
    storage = server.add(NAME, origin.url(NAME), published.key, OLD)
    before = server.picture()
    output = server.adopt("-o", NEW)
    assert "systemctl enable --now snapshotd" in output
    lines = (server.root / "etc/cron.d/cvmfs_stratum1_snapshot").read_text().splitlines()
    assert lines[2].startswith("#replica-adopted# */5 * * * * root output=$(")
    assert f"CVMFS_USER={NEW}\n" in conf(server, NAME)
    enabled = server.root / ("etc/httpd/conf.d" if server.layout == "el"
                             else "etc/apache2/conf-enabled")
    assert list(enabled.glob("*.conf")) == []
    unit = (server.root / "etc/systemd/system/snapshotd.service.d/adopted.conf").read_text()
    assert f"User={NEW}\n" in unit
    assert {owner_of(path) for path in (storage, *storage.rglob("*"))} == {NEW}
    assert "There is nothing to change." in server.adopt("--check", "-o", NEW)
    server.run("snapshot", NAME)
    published_bytes = (storage / ".cvmfspublished").read_bytes()
    output = server.adopt("--undo")
    assert "systemctl disable --now snapshotd" in output
    # What the snapshot brought stays, and is the old user's.
    assert (storage / ".cvmfspublished").read_bytes() == published_bytes
    assert {owner_of(path) for path in (storage, *storage.rglob("*"))} == {OLD}
    brought = [f"srv/{NAME}/", "reflog.chksum", "log/", "slots", "srv/info"]
    assert differences(before, server.picture(), but=brought) == []
    server.run("snapshot", NAME)
    assert "There is no adoption to take back." in server.adopt("--undo")


def test_undo_gives_everything_back_to_whom_it_was(replica):
    """Also where owners are mixed, names are strange and folders are linked elsewhere."""
    storage = replica.storage / NAME
    elsewhere = replica.folder / "disk"
    (storage / "data").rename(elsewhere)
    os.symlink(elsewhere, storage / "data")
    for number, name in enumerate(("a b", "back\\slash\\n", "new\nline", "plain")):
        path = elsewhere / "0a" / name
        path.write_text("object")
        path.chmod(0o600 + number)
        if IS_ROOT:
            os.lchown(path, (0, 1, 2, 65534)[number], 7)
    if IS_ROOT:
        os.chown(elsewhere, 3, 3)
        os.chown(elsewhere / "0b", 0, 0)
    before = replica.picture()
    replica.adopt("-o", NEW)
    if IS_ROOT:
        assert {owner_of(path) for path in elsewhere.rglob("*")} == {NEW}
        assert owner_of(elsewhere) == NEW and owner_of(storage / "data") == "root"
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


def cut(server, number, *arguments):
    """Kill the command at its change of that NUMBER; whether it came to that."""
    options = ":".join(filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
    environment = server.environment(LD_PRELOAD=str(SHIM), KILL_AT=str(number),
                                     ASAN_OPTIONS=options)
    done = subprocess.run([REPLICACTL, "adopt", "--root", server.root, *arguments],
                          env=environment, capture_output=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def test_a_kill_at_any_change_is_finished_by_running_again(server, origin, published):
    storage = server.add(NAME, origin.url(NAME), published.key, OLD, folders=3)
    for number in range(9):
        (storage / f"data/0{number % 3}/{number}").write_text("x")
    give(storage, OLD)
    if IS_ROOT:
        for number, uid in ((1, 0), (2, pwd.getpwnam(NEW).pw_uid), (3, 0), (7, 4)):
            os.lchown(storage / f"data/0{number % 3}/{number}", uid, 0)
    before = server.picture()
    server.adopt("-o", NEW)
    adopted = server.picture()
    server.adopt("--undo")
    assert differences(before, server.picture()) == []
    stride = max(1, 180 // count("ADOPTION_KILLS"))
    number = 1
    while cut(server, number, "-o", NEW):
        if (number // stride) % 2:
            server.adopt("-o", NEW)
            assert differences(adopted, server.picture()) == []
        server.adopt("--undo")
        assert differences(before, server.picture()) == []
        number += stride
    assert number > 60 or not IS_ROOT
    server.adopt("-o", NEW)
    number = 1
    while cut(server, number, "--undo"):
        server.adopt("--undo")
        assert differences(before, server.picture()) == []
        server.adopt("-o", NEW)
        number += stride
    assert number > 30 or not IS_ROOT
    assert differences(before, server.picture()) == []


def test_a_repository_that_comes_later_is_adopted_as_well(replica, origin, published):
    before = replica.picture()
    replica.adopt("-o", NEW)
    replica.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME)
    added = {name: look for name, look in replica.picture().items() if OTHER in name}
    replica.adopt("-o", NEW)
    assert owner_of(replica.storage / OTHER) == NEW
    unit = (replica.root / "etc/systemd/system/snapshotd.service.d/adopted.conf").read_text()
    assert NAME in unit and OTHER in unit
    replica.adopt("--undo")
    assert differences({**before, **added}, replica.picture()) == []


@needs_root
def test_two_repositories_of_two_users(replica, origin, published):
    replica.add(OTHER, origin.url(NAME), published.key, "bin", fqrn=NAME)
    before = replica.picture()
    replica.adopt("-o", NEW)
    assert owner_of(replica.storage / NAME) == owner_of(replica.storage / OTHER) == NEW
    assert f"CVMFS_USER={NEW}\n" in conf(replica, OTHER)
    assert f"CVMFS_REPOSITORY_NAME={NAME}\n" in conf(replica, OTHER)
    replica.adopt("--undo")
    assert owner_of(replica.storage / OTHER) == "bin"
    assert differences(before, replica.picture()) == []


def test_another_user_needs_the_way_back_first(replica):
    replica.adopt("-o", NEW)
    other = "bin" if IS_ROOT else "daemon"
    assert f"adopted for the user {NEW}" in replica.adopt("-o", other, code=1)


def test_what_was_changed_by_hand_since_is_kept(replica):
    replica.adopt("-o", NEW)
    cron = replica.root / "etc/cron.d/cvmfs_stratum1_snapshot"
    cron.write_text("# by hand\n")
    unit = replica.root / "etc/systemd/system/snapshotd.service.d/adopted.conf"
    unit.write_text("[Service]\n# by hand\n")
    (replica.root / "etc/apache2/conf-enabled/cvmfs.info.conf").write_text("# by hand\n")
    if IS_ROOT:
        text = conf(replica, NAME).replace(f"CVMFS_USER={NEW}", "CVMFS_USER=bin")
        replica.configuration(NAME).write_text(text)
    output = replica.adopt("--undo", code=1)
    assert cron.read_text() == "# by hand\n" and "# by hand" in unit.read_text()
    assert f"{unit} was changed by hand and stays" in output
    assert "are both there: remove one of them" in output
    assert f"{cron}: no line is marked any more" in output
    if IS_ROOT:
        assert "'CVMFS_USER=bin' was changed by hand" in output
        assert "CVMFS_USER=bin\n" in conf(replica, NAME)
    assert not (replica.confdir / "adopted.json").exists()


@pytest.mark.parametrize("line, result", [
    ("CVMFS_USER={old}\n", "CVMFS_USER={new}\n"),
    ("CVMFS_USER={old}", "CVMFS_USER={new}"),
    ("  export CVMFS_USER='{old}'  # who\nCVMFS_AUTO_GC=true\n",
     "CVMFS_USER={new}\nCVMFS_AUTO_GC=true\n"),
    ("CVMFS_USER={new}\nCVMFS_USER={old}\n", "CVMFS_USER={new}\nCVMFS_USER={new}\n"),
])
@needs_root
def test_only_one_line_of_the_configuration_changes(replica, line, result):
    path = replica.configuration(NAME)
    rest = conf(replica, NAME).replace(f"CVMFS_USER={OLD}\n", "")
    path.write_text(rest + line.format(old=OLD, new=NEW))
    before = replica.picture()
    replica.adopt("-o", NEW)
    assert path.read_text() == rest + result.format(old=OLD, new=NEW)
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


@needs_root
def test_a_configuration_without_a_user_gets_one(replica):
    path = replica.configuration(NAME)
    rest = conf(replica, NAME).replace(f"CVMFS_USER={OLD}\n", "").rstrip("\n")
    path.write_text(rest)
    before = replica.picture()
    replica.adopt("-o", NEW)
    assert path.read_text() == f"CVMFS_USER={NEW}\n" + rest
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


@pytest.mark.parametrize("lock", ["is_updating.lock", "is_collecting.lock"])
def test_a_repository_at_work_is_left_out(replica, origin, published, lock):
    replica.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME)
    with open(replica.spool / NAME / lock, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert f"{NAME}: a snapshot or a garbage" in replica.adopt("--check", "-o", NEW, code=1)
        assert f"{NAME}: a snapshot or a garbage" in replica.adopt("-o", NEW, code=1)
        assert owner_of(replica.storage / NAME) == OLD
        assert f"CVMFS_USER={OLD}\n" in conf(replica, NAME)
        assert owner_of(replica.storage / OTHER) == NEW
    replica.adopt("-o", NEW)
    assert owner_of(replica.storage / NAME) == NEW
    if not IS_ROOT:
        return
    with open(replica.spool / NAME / lock, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "nothing was changed" in replica.adopt("--undo", code=1)
        assert owner_of(replica.storage / OTHER) == NEW
    replica.adopt("--undo")


def test_the_daemon_has_to_be_stopped_for_the_way_back(replica):
    replica.adopt("-o", NEW)
    with open(replica.spool / "snapshotd.lock", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "snapshotd is running" in replica.adopt("--undo", code=1)
    replica.adopt("--undo")


def test_what_the_reference_writes_anew_is_put_away_again(folder):
    server = Reference(folder / "server", "el")
    server.adopt("-o", NEW)
    path = server.write_httpd("info", "Alias /cvmfs/info /srv/cvmfs/info\n")
    server.adopt("-o", NEW)
    assert not path.exists()
    server.write_httpd("info", "Alias /cvmfs/info /srv/cvmfs/info\n")
    server.adopt("--undo")
    assert path.exists() and len(list(path.parent.iterdir())) == 2


def test_a_signal_stops_it_and_it_can_be_run_again(replica):
    for number in range(1500):
        (replica.storage / NAME / f"data/{number % 256:02x}/{number}").write_text("")
    give(replica.storage / NAME, OLD)
    before = replica.picture()
    chance, stopped, longest = random.Random(6), 0, 0.1
    for _ in range(300):
        process = subprocess.Popen([REPLICACTL, "adopt", "--root", replica.root, "-o", NEW],
                                   env=replica.environment(), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        time.sleep(chance.uniform(0, longest))
        process.terminate()
        stopped += "stopped half-way: run it again" in process.communicate()[1]
        if stopped == 3:
            break
        if process.returncode == 0:
            # It was done: once more from the beginning.
            replica.adopt("--undo")
            longest = max(0.01, longest * 0.8)
        elif process.returncode < 0:
            # It had not yet begun.
            longest = min(10, longest * 1.25)
    assert stopped > 0
    replica.adopt("-o", NEW)
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


@needs_root
def test_hard_links_and_other_peoples_links_do_not_change_hands(replica):
    outside = replica.folder / "outside"
    outside.mkdir()
    (outside / "shadow").write_text("secret")
    storage = replica.storage / NAME
    os.link(outside / "shadow", storage / "data/00/shadow")
    os.link(outside / "shadow", replica.spool / NAME / "is_updating.lock")
    os.symlink(outside, storage / "data/01/link")
    os.symlink(outside, storage / "link")
    program = storage / "data/02/program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o4755)
    os.mkfifo(storage / "data/02/fifo")
    before = {path: look_at(path) for path in (outside, outside / "shadow", program)}
    output = replica.adopt("-o", NEW)
    assert "of which the owner stays" in output
    assert {path: look_at(path) for path in before} == before
    assert owner_of(storage / "link") == "root"
    replica.adopt("--undo")
    assert {path: look_at(path) for path in before} == before


@needs_root
@pytest.mark.parametrize("kind", ["data", "storage"])
def test_a_link_that_its_user_made_is_not_followed(replica, kind):
    outside = replica.folder / "outside"
    outside.mkdir()
    link = replica.storage / NAME / "data" if kind == "data" else replica.storage / NAME
    link.rename(replica.folder / "away")
    os.symlink(outside, link)
    os.lchown(link, pwd.getpwnam(OLD).pw_uid, -1)
    before = replica.picture()
    assert "is a link that is not root's" in replica.adopt("--check", "-o", NEW, code=1)
    replica.adopt("-o", NEW, code=1)
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


@pytest.mark.parametrize("lines, words", [
    ("CVMFS_UPSTREAM_STORAGE=S3,/tmp,sw@/etc/cvmfs/s3.conf", "storage of type 'S3'"),
    ("CVMFS_UPSTREAM_STORAGE=gw,/tmp,http://localhost:4929/api/v1", "storage of type 'gw'"),
    ("CVMFS_SPOOL_DIR={spool}", "is not given to another user"),
    ("CVMFS_SPOOL_DIR={spool}//", "is not given to another user"),
    ("CVMFS_SPOOL_DIR={spool}/sw.example.net/..", "is not given to another user"),
    ("CVMFS_HTTP_RETRIES=many", "CVMFS_HTTP_RETRIES"),
])
def test_what_cannot_be_adopted_is_said_and_the_others_go_on(replica, origin, published, lines,
                                                            words):
    replica.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME)
    with open(replica.configuration(NAME), "a", encoding="ascii") as file:
        file.write(lines.format(spool=replica.spool) + "\n")
    before = replica.picture()
    output = replica.adopt("--check", "-o", NEW, code=1)
    assert "Cannot be adopted:" in output and words in output
    assert "cron no longer takes snapshots of what cannot be adopted" in output
    assert replica.picture() == before
    replica.adopt("-o", NEW, code=1)
    assert owner_of(replica.storage / NAME) == OLD
    if "SPOOL" not in lines:
        assert owner_of(replica.storage / OTHER) == NEW
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


@pytest.mark.parametrize("lines, words", [
    ("CVMFS_UPSTREAM_STORAGE=local,/tmp,/", "no directory of a repository"),
    ("CVMFS_UPSTREAM_STORAGE=local,/tmp,/usr", "it is the system's"),
    ("CVMFS_SPOOL_DIR=/var/spool", "it is the system's"),
])
def test_a_slip_would_not_give_the_system_away(replica, lines, words):
    """Only looked at: whoever breaks this as root would not want to run it."""
    with open(replica.configuration(NAME), "a", encoding="ascii") as file:
        file.write(lines + "\n")
    output = replica.adopt("--check", "-o", NEW, code=1)
    assert words in output and "given to another user: " in output


def test_what_deserves_a_look(replica, published, folder):
    confdir, storage = replica.confdir, replica.storage / NAME
    (confdir / "cvmfs_server_hooks.sh").write_text(
        "#!/bin/sh\nCVMFS_UPDATEGEO_DAY=3\nCVMFS_GEO_LICENSE_KEY=verysecret\n"
        "publish_after_hook() {\n  :\n}\n")
    with open(replica.configuration(NAME), "a", encoding="ascii") as file:
        file.write("if true; then\n  echo\nfi\n")
    text = conf(replica, NAME).replace("CREATOR_VERSION=143", "CREATOR_VERSION=142")
    replica.configuration(NAME).write_text(text)
    (storage / ".cvmfs_is_snapshotting").write_text("Fri Nov 20 11:25:07 UTC 2026\n")
    (storage / "data/txn/left").write_text("x")
    old = Published(folder / "old", NAME)
    old.resign(now=int(time.time()) - 90 * 86400)
    (storage / ".cvmfswhitelist").write_bytes((old.storage / ".cvmfswhitelist").read_bytes())
    replica.write("usr/bin/cvmfs_server", "#!/bin/sh\n", 0o755)
    replica.write("etc/apache2/ports.conf", "Listen 80\nListen 127.0.0.1:8080\n# Listen 80\n")
    replica.write("etc/cron.daily/cvmfs", "#!/bin/sh\ncvmfs_server snapshot -a\n", 0o755)
    replica.write("etc/systemd/system/cvmfs-snapshot.timer", "[Timer]\n")
    replica.set(REPLICA_MIN_FREE_BYTES="1000000G")
    key = replica.folder / "private.pub"
    key.write_bytes(published.key.read_bytes())
    key.chmod(0o600)
    path = replica.configuration(NAME, "replica.conf")
    path.write_text(path.read_text().replace(str(published.key), str(key)))
    output = replica.adopt("--check", "-o", NEW)
    for words in ("put 'CVMFS_UPDATEGEO_DAY=3' into", "hooks.sh:4: a function",
                  "CVMFS_CREATOR_VERSION is 142", "a snapshot of it was cut off",
                  "1 left-over files", "ports.conf:1: 'Listen 80': port 80 is Squid's",
                  "ports.conf:2:", "cron.daily/cvmfs:2: a script",
                  "systemctl disable --now cvmfs-snapshot.timer", "are free at",
                  "server.conf:12", "its whitelist expired at", "is the reference's own"):
        assert words in output, f"no '{words}' in: {output}"
    assert "verysecret" not in output and "ports.conf:3" not in output
    if IS_ROOT:
        assert f"the user {NEW} may not read {key}" in output


def test_pass_through_and_stratum_0_are_left_alone(replica, origin, published):
    storage = replica.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME)
    replica.configuration(OTHER, "replica.conf").write_text("CVMFS_PASSTHROUGH=true\n")
    zero = replica.confdir / "repositories.d/zero.example.net"
    zero.mkdir()
    (zero / "server.conf").write_text("CVMFS_REPOSITORY_TYPE=stratum0\nCVMFS_USER=daemon\n")
    served = replica.write_httpd("zero.example.net", "Alias /cvmfs/zero.example.net /srv\n")
    enabled = replica.root / "etc/apache2/conf-enabled"
    before = replica.picture()
    output = replica.adopt("-o", NEW)
    assert "zero.example.net: a Stratum 0" in output
    assert f"{OTHER}: a pass-through replica" in output
    assert "mod_proxy goes on serving it" in output
    assert "httpd goes on serving it" in output and served.exists()
    assert (enabled / f"cvmfs.{OTHER}.conf").read_text().startswith(HEADER)
    assert owner_of(storage) == OLD and f"CVMFS_USER={OLD}" in conf(replica, OTHER)
    replica.adopt("--undo")
    assert differences(before, replica.picture()) == []


@pytest.mark.parametrize("command, runs", [
    ("cvmfs_server snapshot -as", True), ("nice -n 19 /usr/bin/cvmfs_server snapshot x", True),
    ("/usr/sbin/cvmfs_server_snapshot_all", True), ("/opt/cvmfs-snapshot.sh -v", True),
    ("sh -c 'cvmfs_server snapshot -a; cvmfs_server gc -af'", True),
    ("flock -n /run/x.lock cvmfs_server snapshot", True),
    ("cvmfs_server gc -af", False), ("cat /var/log/cvmfs/snapshots.log", False),
    ("cvmfs_server check -a # not snapshot", False), ("replicactl snapshot -a", False),
    ("logrotate cvmfs_snapshot.conf", False), ("cvmfs_server list | grep snapshot", False)])
def test_which_lines_run_snapshots(server, command, runs):
    path = server.write("etc/cron.d/line", f"\t*/5 * * * * root {command}", 0o640)
    server.adopt("-o", NEW)
    assert path.read_text().startswith("#replica-adopted# ") == runs
    server.adopt("--undo")
    assert path.read_text() == f"\t*/5 * * * * root {command}"
    assert path.stat().st_mode & 0o777 == 0o640


def test_links_among_the_cron_files_are_left_alone(server):
    target = server.write("opt/cron", "* * * * * root cvmfs_server snapshot -a\n")
    (server.root / "etc/cron.d/linked").symlink_to(target)
    server.adopt("-o", NEW)
    assert target.read_text().startswith("*")


def test_a_damaged_record_is_not_guessed_at(replica):
    replica.adopt("-o", NEW)
    record = replica.confdir / "adopted.json"
    assert record.stat().st_mode & 0o777 == 0o600
    value = json.loads(record.read_text())
    assert value["version"] == 1 and value["user"] == NEW
    record.write_text(record.read_text()[:-10])
    for arguments in (["--undo"], ["-o", NEW], ["--check", "-o", NEW]):
        assert "is no record of an adoption" in replica.adopt(*arguments, code=1)
    del value["steps"][-1]["path"]
    record.write_text(json.dumps(value))
    assert "is no record" in replica.adopt("--undo", code=1)


def test_wrong_command_lines(server):
    assert "No user nobodyatall" in server.adopt("--check", "-o", "nobodyatall", code=1)
    assert "Unrecognized option" in server.adopt("-x", code=3)
    assert "neither with --check" in server.adopt("--undo", "--check", code=3)
    assert "no names" in server.adopt("x.example.net", code=3)


@needs_root
def test_an_ordinary_user_is_told_who_can(replica):
    before = replica.picture()
    replica.user = "bin"
    assert "Would change:" in replica.adopt("--check", "-o", NEW)
    assert "Only root can adopt a server" in replica.adopt("-o", NEW, code=1)
    assert "Only root can adopt a server" in replica.adopt("--undo", code=1)
    assert replica.picture() == before


def test_one_adoption_at_a_time(replica):
    folder = os.open(replica.confdir, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    assert "is under way" in replica.adopt("-o", NEW, code=1)
    os.close(folder)
    replica.adopt("-o", NEW)


def test_an_adopted_alias_is_replicated(server, origin, published):
    server.add(OTHER, origin.url(NAME), published.key, OLD, fqrn=NAME,
               storage=server.folder / "elsewhere" / "alias")
    server.adopt("-o", NEW)
    server.run("snapshot", OTHER)
    assert pathlib.Path(server.folder / "elsewhere/alias/.cvmfspublished").exists()
