# SPDX-License-Identifier: Apache-2.0
"""replicactl client-config: a file that a client's shell reads, and the keys in it."""

import pathlib
import re
import socket
import subprocess

import pytest

import mmdb
from cli import OWNER
from geo import DATABASE

NAME = "sw.example.net"
FOLDER = "/etc/cvmfs/keys/example.net"


@pytest.fixture
def replica(site, origin, published):
    site.run("add-replica", "-o", OWNER, "-w", f"http://s1.example.org:8000/cvmfs/{NAME}",
             origin.url(NAME), published.key)
    return site


def settings(text):
    """What a shell makes of it, and nothing else may be in it."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"CVMFS_[A-Z_]+=('[A-Za-z0-9.:/;|@_+\[\]~-]*'|yes|no)", line), line
    script = text + "".join(f'printf "%s\\n" "{line.split("=")[0]}=${line.split("=")[0]}"\n'
                            for line in lines)
    done = subprocess.run(["env", "-i", "sh", "-eu"], input=script, capture_output=True,
                          text=True, check=True)
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.splitlines())


def test_what_it_takes_from_the_replica(replica, published):
    text = replica.run("client-config", NAME)
    key = pathlib.Path(published.key).name
    assert settings(text) == {
        "CVMFS_SERVER_URL": "http://s1.example.org:8000/cvmfs/@fqrn@",
        "CVMFS_USE_GEOAPI": "no", "CVMFS_HTTP_PROXY": "DIRECT",
        "CVMFS_PUBLIC_KEY": f"{FOLDER}/{key}"}
    assert replica.run("client-config") == text, "there is only one"


def test_the_keys_come_along(replica, published, tmp_path):
    """The commands in the comments, with the client's folders moved here."""
    text = replica.run("client-config", NAME)
    (tmp_path / "etc/cvmfs/config.d").mkdir(parents=True)
    (tmp_path / f"etc/cvmfs/config.d/{NAME}.conf").write_text(text)
    commands = "\n".join(re.findall(r"^#   (.*)$", text, re.M)).replace("/etc/", f"{tmp_path}/etc/")
    subprocess.run(["sh", "-eux"], input=commands, text=True, check=True)
    key = settings(text)["CVMFS_PUBLIC_KEY"]
    with open(published.key, encoding="ascii") as expected:
        assert (tmp_path / key[1:]).read_text() == expected.read()


def test_several_keys(replica, published, tmp_path):
    keys = replica.folder / "keys"
    keys.mkdir()
    with open(published.key, "rb") as file:
        for name in ("b.pub", "a.pub", "other"):
            (keys / name).write_bytes(file.read())
            file.seek(0)
    path = replica.configuration(NAME, "replica.conf")
    path.write_text(path.read_text() + f"CVMFS_PUBLIC_KEY={keys}\n")
    text = replica.run("client-config", NAME)
    assert settings(text)["CVMFS_PUBLIC_KEY"] == f"{FOLDER}/a.pub:{FOLDER}/2-b.pub"
    assert text.count(": -----BEGIN PUBLIC KEY-----\n") == 2
    text = replica.run("client-config", "--keys-dir", "/etc/cvmfs/keys/mine", NAME)
    assert settings(text)["CVMFS_KEYS_DIR"] == "/etc/cvmfs/keys/mine"
    assert "BEGIN PUBLIC KEY" not in text and "CVMFS_PUBLIC_KEY" not in settings(text)
    (keys / "a.pub").write_text("none\n")
    assert "a.pub" in replica.run("client-config", NAME, code=1)


def test_servers_and_proxies(replica):
    text = replica.run("client-config", "--server", "s2.example.org", "--server",
                       "https://s3.example.org/mirror/@fqrn@/", "--server", "s4.example.org:8000",
                       "--server", "s2.example.org", "--proxy", "http://p1.example.org:3128",
                       "--proxy", "p2.example.org:3128;[2001:db8::1]:3128", "--proxy", "DIRECT", NAME)
    values = settings(text)
    assert values["CVMFS_SERVER_URL"].split(";") == [
        "http://s1.example.org:8000/cvmfs/@fqrn@", "http://s2.example.org/cvmfs/@fqrn@",
        "https://s3.example.org/mirror/@fqrn@", "http://s4.example.org:8000/cvmfs/@fqrn@"]
    assert values["CVMFS_HTTP_PROXY"] == (
        "http://p1.example.org:3128|http://p2.example.org:3128;http://[2001:db8::1]:3128;DIRECT")
    assert values["CVMFS_USE_GEOAPI"] == "no" and "this one has no geo database" in text
    values = settings(replica.run("client-config", "--url", "http://x.example.org", "--proxy",
                                  "auto", NAME))
    assert values["CVMFS_SERVER_URL"] == "http://x.example.org/cvmfs/@fqrn@"
    assert values["CVMFS_HTTP_PROXY"] == "auto"


def test_geo_is_for_several_servers_and_with_a_database(replica):
    (replica.folder / "geo").mkdir(exist_ok=True)
    mmdb.write_standard(replica.folder / "geo" / DATABASE)
    two = settings(replica.run("client-config", "--server", "s2.example.org", NAME))
    assert two["CVMFS_USE_GEOAPI"] == "yes"
    assert settings(replica.run("client-config", NAME))["CVMFS_USE_GEOAPI"] == "no"


def test_localhost_is_no_name_for_others_and_an_alias_stays(site, origin, published):
    site.run("add-replica", "-o", OWNER, "-n", "alias.example.net", origin.url(NAME),
             published.key)
    text = site.run("client-config", "alias.example.net")
    url = next(line for line in text.splitlines() if line.startswith("CVMFS_SERVER_URL"))
    host = re.fullmatch(r"CVMFS_SERVER_URL='http://(.*)/cvmfs/alias.example.net'", url)[1]
    assert host.split(".")[0] == socket.gethostname().split(".")[0] != "localhost"
    assert f"/etc/cvmfs/config.d/{NAME}.conf" in text
    assert "http://localhost" not in text


@pytest.mark.parametrize("options, words", [
    (["--server", "s2 example"], "--server s2 example: give a host"),
    (["--server", "ftp://s2.example.org"], "--server ftp://s2.example.org: give a host"),
    (["--server", "s2.example.org';reboot;'"], "--server s2.example.org';reboot;': give"),
    (["--server", "http://$(id)/cvmfs/@fqrn@"], "--server "),
    (["--proxy", "p1.example.org"], "--proxy p1.example.org: give http://HOST:PORT"),
    (["--proxy", "p1.example.org:3128|"], "--proxy p1.example.org:3128|: give"),
    (["--proxy", "`id`:1"], "--proxy `id`:1: give"),
    (["--keys-dir", "keys"], "--keys-dir keys: give the whole path"),
    (["--keys-dir", "/a'b"], "--keys-dir /a'b: give the whole path"),
    (["--nonsense"], "not known"),
])
def test_bad_options_are_refused_with_a_way_out(replica, options, words):
    output = replica.run("client-config", *options, NAME, code=3)
    assert words in output and "CVMFS_SERVER_URL=" not in output


def test_one_repository_at_a_time(replica):
    assert "does not exist" in replica.run("client-config", "other.example.net", code=1)
    replica.run("mkfs", "-o", OWNER, "own.example.net")
    assert "name one repository" in replica.run("client-config", "*", code=3)
    text = re.sub(r"^NOTE: .*\n", "", replica.run("client-config", "own.example.net"), flags=re.M)
    assert settings(text)["CVMFS_PUBLIC_KEY"] == f"{FOLDER}/own.example.net.pub"
