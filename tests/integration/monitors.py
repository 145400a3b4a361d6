# SPDX-License-Identifier: Apache-2.0
"""What monitoring programs require of a server, as strictly as they do.

Scraper: its models refuse what they do not know or cannot parse. Servermon: its tests give OK,
WARNING or CRITICAL.
"""

import datetime
import json
import re

DATE = "%a %b %d %H:%M:%S %Z %Y"
GEO = ("cvmfs-s1fnal.opensciencegrid.org,cvmfs-stratum-one.cern.ch,"
       "cvmfs-stratum-one.ihep.ac.cn")


def strict_date(text):
    """As both parse it; and the day is padded with a blank, which only the form shows."""
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d UTC \d{4}", text)
    return datetime.datetime.strptime(text, DATE).replace(tzinfo=datetime.timezone.utc)


class Scraper:
    """Asks HTTPD for what it needs, and validates it."""

    def __init__(self, httpd):
        self.httpd = httpd

    def get(self, path):
        response = self.httpd.fetch(path, headers={"User-Agent": "Mozilla/5.0"})
        return response.status, response.body

    def repositories(self):
        status, body = self.get("/cvmfs/info/v1/repositories.json")
        assert status == 200
        info = json.loads(body)
        assert type(info["schema"]) is int and info["schema"] > 0
        for key in ("cvmfs_version", "os_id", "os_version_id", "os_pretty_name"):
            assert type(info[key]) is str
        if "last_geodb_update" in info:
            strict_date(info["last_geodb_update"])
        assert bool(info["repositories"]) != bool(info["replicas"])
        for element in info["repositories"] + info["replicas"]:
            assert type(element["name"]) is str and type(element["url"]) is str
        return info

    def status(self, url):
        status, body = self.get(f"{url}/.cvmfs_status.json")
        if status == 404:
            return {}
        assert status == 200
        fields = json.loads(body)
        for key in ("last_snapshot", "last_gc"):
            if key in fields:
                strict_date(fields[key])
        # It has no place for what is no string, and a null makes it fail.
        assert all(type(value) is str for value in fields.values())
        return fields

    def manifest(self, url):
        status, body = self.get(f"{url}/.cvmfspublished")
        assert status == 200
        lines = body.split(b"\n--\n")[0].decode("utf-8").split("\n")
        fields = {line[0]: line[1:] for line in lines}
        assert not set("ABCDGHMNRSTXY") - set(fields) - set("HMY")
        assert not set(fields) - set("ABCDGHLMNRSTXYZ")
        for key in "CHMXY":
            assert re.fullmatch("[0-9a-f]{40}", fields.get(key, 40 * "0"))
        assert re.fullmatch("[0-9a-f]{32}", fields["R"])
        assert fields["A"] in ("yes", "no") and fields["G"] in ("yes", "no")
        assert all(int(fields[key]) > 0 for key in "BDS")
        return fields

    def geo(self, name):
        status, body = self.get(f"/cvmfs/{name}/api/v1.0/geo/x/{GEO}")
        assert status == 200
        return [int(number) for number in body.decode().split(",")]


class Servermon:
    """Gives "OK", "WARNING" or "CRITICAL" for the tests of one replica at URL."""

    def __init__(self, httpd, url, now):
        self.httpd, self.url, self.now = httpd, url, now

    def get(self, path):
        response = self.httpd.fetch(path, headers={"Cache-control": "max-age=30"})
        if response.status != 200:
            return None
        return response.body.split(b"\n--\n")[0].decode("utf-8")  # a signature is no text

    def by_age(self, when, warning_hours, critical_hours):
        hours = (self.now - when).total_seconds() / 3600
        return ("OK" if hours < warning_hours else
                "WARNING" if hours < critical_hours else "CRITICAL")

    def status(self):
        text = self.get(f"{self.url}/.cvmfs_status.json")
        return json.loads(text) if text else {}

    def updated(self):
        date = self.status().get("last_snapshot") or self.get(f"{self.url}/.cvmfs_last_snapshot")
        if date is not None:
            return self.by_age(strict_date(date.strip()), 8, 24) if date.strip() else "CRITICAL"
        date = self.get(f"{self.url}/.cvmfs_is_snapshotting")
        return "WARNING" if date is None else self.by_age(strict_date(date.strip()), 72, 216)

    def gc(self):
        date = self.status().get("last_gc")
        return "OK" if date is None else self.by_age(strict_date(date), 240, 480)

    def check(self):
        return "WARNING" if self.status().get("check_status") == "failed" else "OK"

    def whitelist(self):
        lines = self.get(f"{self.url}/.cvmfswhitelist").split("\n")
        expires = next(line for line in lines if line.startswith("E"))[1:15]
        left = datetime.datetime.strptime(expires, "%Y%m%d%H%M%S").replace(
            tzinfo=datetime.timezone.utc) - self.now
        return ("OK" if left.total_seconds() > 48 * 3600 else
                "WARNING" if left.total_seconds() > 0 else "CRITICAL")

    def geo(self):
        body = self.get(f"{self.url}/api/v1.0/geo/cvmfs-stratum-one.cern.ch/{GEO}")
        info = json.loads(self.get("/cvmfs/info/v1/repositories.json"))
        age = self.now - strict_date(info["last_geodb_update"])
        return "OK" if body.strip() == "2,1,3" and age.days <= 30 else "WARNING"
