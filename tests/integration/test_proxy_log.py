# SPDX-License-Identifier: Apache-2.0
"""replicactl proxy-log: on logs of real Squid, on those of others, on what is no log at all."""

import http.client
import json
import os
import resource
import subprocess

import pytest

from replica import REPLICACTL
from servers import DEADLINE_SECONDS, SANITIZED, wait_until
from squid import SHIPPED, Squid
from squid_site import EasyOrigin, Site

HEAD = "192.0.2.1 - - [20/Nov/2026:23:04:46 +0000]"
MEMORY_BYTES = 64 << 20
OBJECT = "/cvmfs/{}/data/ab/" + "0" * 38
LOGFORMAT = next(line for line in (SHIPPED / "squid-accelerator.conf").read_text().splitlines()
                 if line.startswith("logformat replica "))


def proxy_log(*arguments, stdin="", code=0):
    """What it prints and what it complains about."""
    done = subprocess.run([REPLICACTL, "proxy-log", *map(str, arguments)], input=stdin,
                          capture_output=True, text=True, timeout=DEADLINE_SECONDS,
                          env={**os.environ, "REPLICA_CONFDIR": "/nonexistent"}, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def summary(*arguments, stdin="", bad_lines=0):
    output, complaints = proxy_log("--json", *arguments, stdin=stdin)
    found = json.loads(output)
    assert found["bad_lines"] == bad_lines, complaints
    assert (complaints == "") == (bad_lines == 0)
    return found


def by_name(found, key):
    return {entry["name"]: entry for entry in found[key]}


def line(url, result="TCP_MISS", size=100, status=200, notes="- - - - -", method="GET"):
    return (f'{HEAD} "{method} {url} HTTP/1.1" {status} {size} "cvmfs \\"2.11\\"" {result}:X 3 '
            f"{notes}\n")


def get(port, path, method="GET", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_SECONDS)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    answer.read()  # what is not taken need not be kept
    connection.close()
    return answer.status


def wait_for_lines(squid, count):
    log = squid.folder / "access.log"
    # The test that Squid listens was a connection without a request.
    wait_until(lambda: sum("transaction-end" not in text
                           for text in log.read_text(errors="replace").splitlines()) >= count,
               "all is logged")
    return log


def test_the_first_deployments_policy_measured_from_squids_own_log(folder):
    """Data never come from the cache, a question to the API does the second time."""
    origin = EasyOrigin()
    squid = Squid(folder / "squid", "squid-accelerator.conf", origin.server_port).start()
    try:
        for number in range(3):
            for path in (OBJECT.format("sw.example.org"), OBJECT.format("sw.example.org") + "C",
                         "/cvmfs/sw.example.org/.cvmfspublished",
                         "/cvmfs/sw.example.org/api/v1.0/geo/x/a,b"):
                assert get(squid.ports[80], path) == 200
        assert get(squid.ports[8000], "/cvmfs/sw.example.org/unknown") == 403
        assert get(squid.ports[80], "/other") == 403
        found = summary(wait_for_lines(squid, 14))
    finally:
        squid.stop()
        origin.close()
    kinds = found["kinds"]
    assert found["requests"] == 14
    for kind in ("data", "catalog", "manifest"):
        assert (kinds[kind]["requests"], kinds[kind]["hits"]) == (3, 0), kind
    assert (kinds["geo"]["requests"], kinds["geo"]["hits"]) == (3, 2)
    assert kinds["geo"]["hit_ratio"] == 0.6667
    assert (found["hits"], found["denied"]) == (2, 2)
    assert by_name(found, "repositories")["sw.example.org"]["requests"] == 12
    rules = by_name(found, "rules")
    # The default refused one; the other never came to it.
    last = len((SHIPPED / "policy-accelerator.conf").read_text().splitlines())
    assert rules[f"policy-accelerator.conf:{last}"]["denied"] == 1
    assert found["no_rules"]["denied"] == 1


CONFIGURATION = """
external_acl_type replica_policy ttl=0 negative_ttl=0 concurrency=50 children-max=1 \\
    children-startup=1 %>a %>rm %>ru %>lp {folder}/replica-policy --concurrency --file {folder}/rules
acl policy external replica_policy
http_access deny !policy
http_access allow all
url_rewrite_program {folder}/replica-rewrite --concurrency --file {folder}/lines
url_rewrite_children 1 startup=1 concurrency=50
""" + LOGFORMAT.replace("{", "{{").replace("}", "}}") + """
access_log stdio:/var/log/squid/access.log replica
"""
RULES = 'deny method PUT note "store_id=a b\\" \\\\ %20"\nallow note store_id= repository x\n' \
        "default allow\n"


def test_hostile_requests_are_lines_like_others(folder):
    site = Site("accelerator", 1, ["replica-policy", "replica-rewrite"], CONFIGURATION,
                {"rules": RULES, "lines": "rewrite path /opt /cvmfs\n"})
    agents = ['"', "\\", '\\" TCP_HIT:X 1 data evil.example.org', "a b\t[c] \xff"]
    paths = ["/cvmfs/sw.example.org/.cvmfspublished", '/cvmfs/x"%22%20%0a\\/api/v1.0/geo/x/y',
             '/opt/sw.example.org/.cvmfspublished"', '/cvmfs/a"HTTP/1.1"/x', "/cvmfs/%2520/api/x",
             "/cvmfs/x/.cvmfspublished"]
    try:
        for path in paths:
            for agent in agents:
                get(site.squid.ports[80], path, headers={"User-Agent": agent})
        assert get(site.squid.ports[80], "/x", "PUT") == 403
        log = wait_for_lines(site.squid, len(paths) * len(agents) + 1)
        found, text = summary(log), log.read_text(errors="replace")
    finally:
        site.close()
    assert text.count("/opt/sw.example.org/") == len(agents), "URLs stand there as they came"
    assert found["requests"] == len(paths) * len(agents) + 1
    assert found["kinds"]["manifest"]["requests"] == 2 * len(agents)
    assert set(by_name(found, "repositories")) == {"sw.example.org", "x"}
    assert found["rewritten"] == len(agents)
    assert found["shared"] == 1
    assert by_name(found, "rules")["rules:1"]["denied"] == 1


def test_logs_without_notes_are_told_by_their_urls():
    found = summary(stdin=line(f"http://h{OBJECT.format('a.example.org')}", "TCP_MEM_HIT", notes="")
                    + f'{HEAD} "GET /cvmfs/b.example.org/api/v1.0/geo/x/y HTTP/1.1" 200 10 "-" '
                    '"agent" TCP_MISS:FIRSTUP_PARENT\n'
                    "1763679886.123     12 192.0.2.1 TCP_HIT/200 1234 GET "
                    f"http://h{OBJECT.format('a.example.org')}C - HIER_NONE/- text/plain\n")
    assert [found["kinds"][kind]["hits"] for kind in ("data", "catalog", "geo")] == [1, 1, 0]
    repositories = by_name(found, "repositories")
    assert repositories["a.example.org"]["bytes"] == 1334
    assert repositories["b.example.org"]["requests"] == 1
    assert (found["first"], found["last"]) == (HEAD.split("[")[1][:-1], "1763679886.123")
    assert found["rules"] == []


def test_bad_lines_are_counted_and_the_first_is_named(folder):
    good = line("http://h/cvmfs/a.b/.cvmfspublished")
    first, second = folder / "first.log", folder / "second.log"
    first.write_text(good + good)
    # Of the last line the beginning is all there is.
    second.write_bytes(good.encode() + b"garbage\n\n\0\xff\n" + b"x" * 200000 + b"\n"
                       + good.encode() + good.encode()[:60])
    found = summary(first, second, bad_lines=5)
    assert found["requests"] == 4
    assert found["lines"] == 9
    assert found["first_bad_line"].startswith(f"{second}:2: no ")
    _, complaints = proxy_log(second)
    assert complaints.startswith(f"5 of 7 lines are not what Squid logs, the first of them {second}:2")


def test_what_is_no_log_is_an_error(folder):
    _, complaints = proxy_log(stdin="nothing\nof the kind\n", code=1)
    assert "2 of 2 lines" in complaints
    _, complaints = proxy_log(folder / "none", code=1)
    assert "none: No such file or directory" in complaints
    _, complaints = proxy_log(folder, code=1)
    assert "Is a directory" in complaints
    proxy_log("--top", "many", code=3)
    assert json.loads(proxy_log("--json")[0])["requests"] == 0
    assert proxy_log()[0].startswith("0 requests: - hits")


def test_the_tables_have_the_most_of_each():
    text = "".join(line(f"http://h{OBJECT.format(f'r{number}.b')}", size=number,
                        notes=f"data r{number}.b rules:{number % 3} - -",
                        result="TCP_DENIED" if number == 4 else "TCP_MISS")
                   for number in range(30))
    output, _ = proxy_log("--top", "3", stdin=text)
    lines = output.splitlines()
    start = next(i for i, row in enumerate(lines) if row.startswith("REPOSITORY"))
    assert [row.split()[0] for row in lines[start + 1:start + 5]] == ["r29.b", "r28.b", "r27.b",
                                                                      "other"]
    assert lines[start + 4].split()[1] == "27"
    start = next(i for i, row in enumerate(lines) if row.startswith("RULE"))
    assert lines[start + 1].split()[0] == "rules:1", "it denied one"
    assert lines[start + 1].split()[-2:] == ["1", "0"]


@pytest.mark.parametrize("notes", ["- - - - -", "data r{0}.example.org rules:{0} - -"])
def test_memory_does_not_grow_with_the_log(folder, notes):
    """Whoever asks for ever new repositories gets no more than a row together."""
    path = folder / "log"
    count = 40000
    path.write_text("".join(line(f"http://h{OBJECT.format(f'r{number}.example.org')}",
                                 notes=notes.format(number)) for number in range(count)))
    def bound():
        if not SANITIZED:
            resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))

    run = subprocess.run([REPLICACTL, "proxy-log", "--json", path], stdout=subprocess.PIPE,
                         text=True, preexec_fn=bound, check=True)
    found = json.loads(run.stdout)
    assert len(found["repositories"]) == 10000
    assert found["other_repositories"]["requests"] == count - 10000
    assert found["kinds"]["data"]["requests"] == count
