# SPDX-License-Identifier: Apache-2.0
"""replicactl update-info: repositories.json and meta.json."""

import datetime
import json
import os
import stat

import pytest

from cli import OWNER

KEYS = ["schema", "cvmfs_version", "os_id", "os_version_id", "os_pretty_name", "repositories",
        "replicas"]


def info(site, name="repositories.json"):
    return json.loads((site.storage / "info/v1" / name).read_text())


def editor(site, text):
    """An editor that writes TEXT, or the next of several texts each time."""
    script = site.folder / "editor"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return str(script)


def test_an_empty_server(site):
    site.run("update-info", "-e")
    assert list(info(site)) == KEYS
    assert info(site)["schema"] == 1
    assert info(site)["repositories"] == info(site)["replicas"] == []
    assert list(info(site, "meta.json")) == ["administrator", "email", "organisation", "custom"]
    for name in ("repositories.json", "meta.json"):
        path = site.storage / "info/v1" / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert sorted(os.listdir(site.storage / "info/v1")) == ["meta.json", "repositories.json"]


def test_names_the_system_unless_told_not_to(site):
    release = dict(line.rstrip("\n").replace('"', "").split("=", 1)
                   for line in open("/etc/os-release", encoding="utf-8") if "=" in line)
    site.run("update-info", "-e")
    assert info(site)["os_id"] == release["ID"]
    assert info(site)["os_version_id"] == release.get("VERSION_ID", "")
    assert info(site)["os_pretty_name"] == release["PRETTY_NAME"]
    assert info(site)["cvmfs_version"].startswith("replica-")
    site.set(CVMFS_PUBLISH_VERSIONS_IN_META_FILE="false")
    site.run("update-info", "-e", "-p")
    assert list(info(site)) == ["schema", "repositories", "replicas"]


def test_the_geo_database_has_the_date_of_the_file(site):
    (site.folder / "geo").mkdir()
    real = site.folder / "real.mmdb"
    real.write_bytes(b"x")
    os.utime(real, (1691056803, 1691056803))
    os.symlink(real, site.folder / "geo/GeoLite2-City.mmdb")
    site.run("update-info", "-e")
    assert list(info(site))[:2] == ["schema", "last_geodb_update"]
    text = info(site)["last_geodb_update"]
    assert text == "Thu Aug  3 10:00:03 UTC 2023"
    assert datetime.datetime.strptime(text, "%a %b %d %H:%M:%S %Z %Y").year == 2023


def test_lists_every_kind_in_order(site, origin, published):
    name = published.fqrn
    for alias in ("b.example.net", "a.example.net"):
        site.run("add-replica", "-o", OWNER, "-n", alias, origin.url(name), published.key)
    site.run("add-replica", "-P", "-o", OWNER, origin.url(name))
    folder = site.confdir / "repositories.d/zero.example.net"
    folder.mkdir()
    (folder / "server.conf").write_text("CVMFS_REPOSITORY_TYPE=stratum0\n")
    with open(site.configuration("a.example.net"), "a", encoding="ascii") as file:
        file.write("CVMFS_NUM_WORKERS=many\n")
    site.run("update-info", "-e")
    assert info(site)["repositories"] == [
        {"name": "zero.example.net", "url": "/cvmfs/zero.example.net"}]
    assert [list(element) for element in info(site)["replicas"]] == [
        ["name", "alias", "url"], ["name", "alias", "url"], ["name", "pass-through", "url"]]
    assert [element["url"] for element in info(site)["replicas"]] == [
        "/cvmfs/a.example.net", "/cvmfs/b.example.net", f"/cvmfs/{name}"]


def test_edits_the_meta_file(site):
    site.run("update-info", EDITOR=editor(site, """echo '{"administrator": "Me"}' > "$1" """))
    assert info(site, "meta.json") == {"administrator": "Me"}


def test_an_editor_may_have_arguments(site):
    program = editor(site, """test "$1" = -x && echo '{"a": 1}' > "$2" """)
    site.run("update-info", EDITOR=program + " -x")
    assert info(site, "meta.json") == {"a": 1}


@pytest.mark.parametrize("text", ["{", "[1]", "", '{"a": 1, "a": 2}', "{} x"])
def test_what_is_no_json_object_is_refused(site, text):
    site.run("update-info", "-e")
    before = (site.storage / "info/v1/meta.json").read_bytes()
    output = site.run("update-info", code=1, stdin="n\n",
                      EDITOR=editor(site, f"""printf '%s' '{text}' > "$1" """))
    assert "Your JSON file is invalid, please check again:" in output
    assert "Aborting..." in output
    assert (site.storage / "info/v1/meta.json").read_bytes() == before


def test_a_mistake_can_be_mended(site):
    program = editor(site, """if test -e "$0.again"; then echo '{"b": 2}' > "$1"
                              else touch "$0.again"; echo '{' > "$1"; fi""")
    assert "Edit again? [y]: " in site.run("update-info", stdin="\n", EDITOR=program)
    assert info(site, "meta.json") == {"b": 2}


def test_an_editor_that_fails_changes_nothing(site):
    assert "EDITOR names it" in site.run("update-info", code=1, EDITOR="/nonexistent/editor")
    assert info(site, "meta.json")["administrator"] == "Your Name"
    assert "Unrecognized option: -x" in site.run("update-info", "-x", code=3)
