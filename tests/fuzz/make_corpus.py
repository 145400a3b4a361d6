#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzz corpora beside this file. The files are kept in the
project; inputs that once broke something stay there beside them. The databases and the
certificate differ from run to run in bytes, not in kind."""

import hashlib
import pathlib
import sqlite3
import struct
import subprocess
import sys
import tempfile
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
sys.path.insert(0, str(CORPUS.parents[1] / "integration"))
import mmdb  # noqa: E402
DIGITS = "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
ROOT = "d41d8cd98f00b204e9800998ecf8427e"
FINGERPRINT = ":".join(DIGITS[i : i + 2] for i in range(0, 40, 2)).upper()

PROPERTIES = (
    "CREATE TABLE properties (key TEXT, value TEXT, CONSTRAINT pk_properties PRIMARY KEY (key));"
)
CATALOG = PROPERTIES + """
CREATE TABLE catalog (md5path_1 INTEGER, md5path_2 INTEGER, parent_1 INTEGER,
 parent_2 INTEGER, hardlinks INTEGER, hash BLOB, size INTEGER, mode INTEGER, mtime INTEGER,
 flags INTEGER, name TEXT, symlink TEXT, uid INTEGER, gid INTEGER, xattr BLOB,
 CONSTRAINT pk_catalog PRIMARY KEY (md5path_1, md5path_2));
CREATE INDEX idx_catalog_parent ON catalog (parent_1, parent_2);
CREATE TABLE chunks (md5path_1 INTEGER, md5path_2 INTEGER, offset INTEGER, size INTEGER,
 hash BLOB, CONSTRAINT pk_chunks PRIMARY KEY (md5path_1, md5path_2, offset, size));
CREATE TABLE nested_catalogs (path TEXT, sha1 TEXT, size INTEGER,
 CONSTRAINT pk_nested_catalogs PRIMARY KEY (path));
INSERT INTO properties VALUES ('schema', '2.5'), ('schema_revision', '7'), ('revision', '3'),
 ('last_modified', '1795178298'), ('previous_revision', '%s-rmd160');
""" % DIGITS
TAGS = PROPERTIES + """
CREATE TABLE tags (name TEXT, hash TEXT, revision INTEGER, timestamp INTEGER,
 channel INTEGER, description TEXT, size INTEGER, branch TEXT,
 CONSTRAINT pk_tags PRIMARY KEY (name));
INSERT INTO properties VALUES ('schema', '1.0'), ('schema_revision', '3'), ('fqrn', 'a.b');
INSERT INTO tags VALUES ('trunk', '%s', 3, 1795178298, 0, 'current HEAD', 4096, '');
INSERT INTO tags VALUES ('v1', '%s-shake128', 2, 1795178297, 0, '', 4096, '');
""" % (DIGITS, DIGITS)
REFLOG = PROPERTIES + """
CREATE TABLE refs (hash TEXT, type INTEGER, timestamp INTEGER,
 CONSTRAINT pk_refs PRIMARY KEY (hash));
INSERT INTO properties VALUES ('schema', '1.0'), ('schema_revision', '0'), ('fqrn', 'a.b');
INSERT INTO refs VALUES ('%s', 0, 1795178298), ('%s-rmd160', 1, 1795178299);
""" % (DIGITS, DIGITS)


def signed(body):
    """A body in its frame, with a short signature."""
    return body + b"--\n" + hashlib.sha1(body).hexdigest().encode() + b"\n" + b"signature"


def database(sql):
    """The bytes of a database made from SQL."""
    with tempfile.NamedTemporaryFile() as file:
        connection = sqlite3.connect(file.name)
        connection.executescript("PRAGMA page_size = 512;" + sql)
        connection.close()
        return pathlib.Path(file.name).read_bytes()


def path_hash(path):
    """The two integers of a path."""
    digest = hashlib.md5(path.encode()).digest()
    return [int.from_bytes(digest[i : i + 8], "little", signed=True) for i in (0, 8)]


def entry(path, flags, content="NULL"):
    """SQL for a catalog row."""
    parent = path_hash(path.rpartition("/")[0]) if path else [0, 0]
    numbers = ", ".join(str(n) for n in path_hash(path) + parent)
    name = path.rpartition("/")[2]
    return (
        f"INSERT INTO catalog VALUES ({numbers}, 1, {content}, 5, 33188, 1795178298,"
        f" {flags}, '{name}', '', 0, 0, x'01010103616263');"
    )


def damaged(files):
    """Each file, and each of them cut and with bytes changed."""
    result = {}
    for name, content in files.items():
        result[name] = content
        result[f"{name}-cut"] = content[: len(content) * 2 // 3]
        changed = bytearray(content)
        for at in range(len(content) // 3, len(content), 97):
            changed[at] ^= 0x41
        result[f"{name}-changed"] = bytes(changed)
    return result


def manifests():
    body = (
        f"C{DIGITS}\nB14336\nR{ROOT}\nD240\nS12\nGyes\nAno\nNsw.example.net\n"
        f"X{DIGITS}-rmd160\nH{DIGITS}\nT1445428515\nM{DIGITS}\nY{DIGITS}-shake128\n"
    ).encode()
    return damaged({"signed": signed(body), "body": body})


def whitelists():
    body = f"20261120112507\nE20991231235959\nNsw.example.net\n{FINGERPRINT}\n".encode()
    comments = (
        "20261120112507\nE20991231235959\nNsw.example.net\nVpkcs7\nWcachain\n# one\n"
        f"{FINGERPRINT}-SHAKE128 # two\n\n{FINGERPRINT}-rmd160\n"
    ).encode()
    return damaged({"signed": signed(body), "body": body, "comments": comments})


def certificates():
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key", f"{folder}/certificate"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-noenc", "-subj", "/CN=a.b",
             "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        public = subprocess.run(
            ["openssl", "pkey", "-in", key, "-pubout"], check=True, capture_output=True
        ).stdout
        return damaged({
            "certificate": pathlib.Path(certificate).read_bytes(),
            "public-key": public,
        })


def catalogs():
    blob = f"x'{DIGITS}'"
    rows = (
        entry("", 1) + entry("/a", 4, blob) + entry("/b", 68 | 512) + entry("/c", 132, blob)
        + entry("/n", 3) + "".join(
            f"INSERT INTO chunks VALUES ({path_hash('/b')[0]}, {path_hash('/b')[1]},"
            f" {offset}, 10, {blob});" for offset in (0, 10))
        + f"INSERT INTO nested_catalogs VALUES ('/n', '{DIGITS}', 4096);"
    )
    many = "".join(entry(f"/{i}", 4, blob) for i in range(40))
    return damaged({
        "full": database(CATALOG + rows),
        "many": database(CATALOG + many),
        "view": database(CATALOG + "DROP TABLE chunks; CREATE VIEW chunks AS SELECT 1;"),
        "climbing": database(
            CATALOG + f"INSERT INTO nested_catalogs VALUES ('/a/../b', '{DIGITS}', 1);"
        ),
        "code-7": database(CATALOG + entry("/a", 4 | 7 << 8, blob)),
        "short-hash": database(CATALOG + entry("/a", 4, "x'e8'")),
    })  # fmt: skip


def settings():
    return {
        "plain": b"CVMFS_USER=cvmfs\nexport CVMFS_HTTP_RETRIES=3 # why\n",
        "quotes": b"CVMFS_STRATUM0=\"http://a.b/cvmfs/c\"\nCVMFS_PUBLIC_KEY=/a'b c'\\ d\n",
        "shell": b"if true; then\n  CVMFS_USER=$USER\nfi\n[ -f x ] && A=1\n",
        "sizes": b"REPLICA_ORIGIN_BANDWIDTH=2M\nREPLICA_SNAPSHOT_INTERVAL=10m\nREPLICA_X=1\n",
        "unclosed": b"CVMFS_USER='a\nb",
    }


def streams():
    return damaged({
        "empty": zlib.compress(b""),
        "short": zlib.compress(b"hello world\n"),
        "stored": zlib.compress(bytes(range(256)), 0),
        "bomb": zlib.compress(bytes(1000000), 9),
        "trailing": zlib.compress(b"a") + b"b",
    })  # fmt: skip


def objects():
    names = ["", "-rmd160", "-shake128"]
    letters = ["", "C", "H", "X", "M", "P", "L", "T"]
    result = {
        f"name{suffix}{letter}": (DIGITS + suffix + letter).encode()
        for suffix in names for letter in letters
    }  # fmt: skip
    result |= {"zeros-40": b"0" * 40, "zeros-64": b"0" * 64, "upper": DIGITS.upper().encode()}
    return result


def dates():
    return {
        "compact": b"20261120112507",
        "utc": b"Fri Nov 20 11:25:07 UTC 2026",
        "utc-padded": b"Sun Nov  1 01:02:03 UTC 2026\n",
        "leap": b"20280229000000",
        "no-leap": b"21000229000000",
        "phrase-ago": b"3 days ago",
        "phrase-iso": b"2026-11-01 07:08:09 UTC",
        "phrase-seconds": b"@1795173907",
        "phrase-last": b"last month",
    }


def gc_lines():
    name = DIGITS.encode()
    return {
        "format": b"replica gc journal 1",
        "repository": b"repository sw.example.net",
        "manifest": b"manifest " + name,
        "catalogs": b"catalogs 17",
        "data": b"data",
        "auxiliary": b"auxiliary",
        "object": name + b"-rmd160C",
        "end": b"end 12 " + name,
        "no-count": b"end  " + name,
    }


def partial_rules():
    return {
        "plain": b"version 1\n# a comment\n/sw\n!/sw/old\n\0sw/old/a",
        "wild": b"version 1\n/sw/*/x86?64\n! *.old/\n/a\\*b\n\0sw/a/x86_64/b.old/c",
        "everything": b"version 1\r\n/\r\n!/big\r\n\0big",
        "stars": b"version 1\n/\n!" + b"*a" * 40 + b"b\n\0" + b"a" * 200,
        "relative": b"version 1\nsw\n",
        "version": b"\nversion 2\n/sw\n",
        "escape": b"version 1\n/a\\/b\\",
    }


def policies():
    manifest = b"\0GET http://h.example.net:8000/cvmfs/a.cern.ch/.cvmfspublished 10.1.2.3 8000"
    return {
        "plain": b'deny "no" method !GET,HEAD\nallow cache kind geo\ndefault deny\n' + manifest,
        "names": b"allow repository *.cern.ch,a*,?b,x host *.NET\ndefault deny\n" + manifest,
        "grams": b"allow repository *cern*,*.ce?n.*\nallow repository *\ndefault deny\n" + manifest,
        "clients": b"allow client !10.0.0.0/8,::/0\nallow client 10.1.2.0/24,2001:db8::/33\n"
                   b"default deny\n" + manifest,
        "numbers": b"allow port 80,8000-8010 time 22:00-06:00 day sat-mon suffix C,none\n"
                   b"default allow no-cache limit x\n" + manifest,
        "notes": b'allow note "a=b \\" c" note d_=\ndefault allow\n' + manifest,
        "include": b"include rules\n",
        "open": b'deny "no\n',
        "after": b"default deny\nallow\n",
    }


def store_rules():
    name = DIGITS.encode()
    url = b"\0http://H.example.net:8000/cvmfs/a.cern.ch/data/" + name[:2] + b"/" + name[2:]
    geo = b"\0http://h.example.net/cvmfs/a.cern.ch/api/v1.0/geo/"
    return {
        "group": b"group a host *.example.net,x repository *.cern.ch\n" + url + b"C 10.0.0.1",
        "other": b"group a host h.example.net repository !*.cern.ch\ngroup b host * "
                 b"repository ?.cern.ch,a*\n" + url + b"-rmd160P",
        "geo": b"geo host h.example.net database /a.mmdb,/b\n" + geo
               + b"0a1b2c3d-4e5f-6071-8293-A4B5c6d7e8f9/A.b,+PXYSEP+,[::1],+PXYSEP+ 192.0.2.1",
        "geo-name": b"geo host * client !10.0.0.0/8 repository a*\n" + geo + b"Sq.x/a 10.0.0.1",
        "geo-other": b"geo host *\n" + geo + b"_namelookups_/a 192.0.2.1",
        "dots": b"geo host *\n" + geo + b"x/.. 192.0.2.1",
        "port": b"group a host b:80 repository c\n",
        "second": b"geo host a\ngeo host b\n",
        "unfinished": b"group a host",
    }


def proxy_lines():
    head = b'192.0.2.1 - - [20/Nov/2026:23:04:46 +0000] '
    data = b"http://h/cvmfs/sw.example.org/data/ab/" + b"0" * 38
    return {
        "notes": head + b'"GET ' + data + b' HTTP/1.1" 200 260 "a \\"b\\"" TCP_MEM_HIT:HIER_NONE 0 '
                 b"data sw.example.org rules:3 http://x/y lines:1,lines:2",
        "dashes": head + b'"GET ' + data + b'C HTTP/1.1" 200 260 "-" TCP_MISS:X 0 - - - - -',
        "combined": head + b'"GET ' + data + b' HTTP/1.1" 200 260 "-" "x" TCP_REFRESH_UNMODIFIED:X',
        "escapes": head + b'"GET http://h/cvmfs/%61/api/%zz"" HTTP/1.1" 403 - TCP_DENIED:X 1 geo %22',
        "native": b"1763679886.123     12 192.0.2.1 TCP_HIT/200 1 GET " + data + b" - HIER_NONE/- -",
        "nobody": head + b'"- error:transaction-end-before-headers HTTP/0.0" 0 0 "-" NONE_NONE:X 0',
        "open": head + b'"GET / HTTP/1.1" 200 1 "\\',
        "other": b"2026-11-20 something else",
    }


def rewrites():
    url = b"\0http://Old.example.org:8000/cvmfs/sw.example.org/data/ab/cd?x=%2F"
    return {
        "host": b"redirect 301 host old.example.org new.example.org:8000\n" + url,
        "names": b"rewrite host *.example.org:8000 new\nrewrite repository s?.* a.b\n" + url,
        "path": b"rewrite path /cvmfs/sw.example.org/ /cvmfs/a.b\nredirect path /x%20y /\n" + url,
        "all": b"rewrite path / /cvmfs\nredirect repository cvmfs a\nrewrite host * [::1]:8\n" + url,
        "escapes": b"rewrite path /a%20b /c\n\0https://h/%61 b/%41%20b/c",
        "dots": b"rewrite path /a /b\n\0http://h/a/%2e%2e/./../b//c",
        "fragment": b"rewrite path /a /b\n\0http://h/a/x#/./../b",
        "literal": b"rewrite host [2001:db8::1]:80 a\n\0http://[2001:DB8::1]/",
        "include": b"include rules\n",
        "open": b'rewrite "host\n',
    }


def helper_lines():
    query = b"10.1.2.3 GET http://h/cvmfs/a.cern.ch/.cvmfspublished 80 -"
    name = b"0" * 38
    return {
        "channels": b"\x01" + b"".join(b"%d %s\n" % (i, query) for i in range(5)),
        "pieces": b"\x07" + b"".join(b"%d %s\n" % (i, query) for i in range(5)),
        "plain": b"\x00" + query + b"\n\n" + query + b"\n",
        "escapes": b"\x01" + b"1 %22%5c%0a%00%zz% %\n2 a\x00b\tc\r\n3\n-4 a\nx\n\n",
        "long-channel": b"\x01" + b"9" * 400 + b"\n" + b"8" * 300 + b" a\n",
        "long": b"\x01" + b"12 " + b"a" * 70000 + b"\n13 b\n",
        "long-pieces": b"\xff" + b"12 " + b"a" * 140000 + b"\n13 b\n",
        "unended": b"\x01" + b"1 a\n2 b",
        "many": b"\x01" + b"".join(b"%d a\n" % i for i in range(20000)),
        "policy": b"\x01" + b"".join(b"%d %s\n" % (i, line) for i, line in enumerate([
            b"192.0.2.1 GET http://h:80/cvmfs/a.cern.ch/data/ab/%s 80 -" % name,
            b"2001:db8::1 PUT /cvmfs/x/api/v1.0/geo/%22y/a 8000", b"- GET / 0",
            b"10.0.0.1 CONNECT a.example.net:443 80", b"192.0.2.1 GET", b"x y http://[::1]/"])),
        "store_id": b"\x01" + b"".join(b"%d %s\n" % (i, line) for i, line in enumerate([
            b"http://h:8000/cvmfs/a.cern.ch/data/ab/%sC 192.0.2.1 GET - -" % name,
            b"http://[::1]/cvmfs/sw.example.net/data/ab/%s-rmd160 - GET" % name,
            b"http://s1/cvmfs/x/api/v1/geo/x/A,+PXYSEP+,b 192.0.2.1 GET - -",
            b"http://s1/cvmfs/x/api/v1/geo/P.example.net/a 2001:DB8::1 GET - -",
            b"http://s1/cvmfs/x/api/v1/geo/192.0.2.2/a 192.0.2.1 GET - 10.0.0.1, x",
            b"http://s1/cvmfs/x/api/v1/geo/x/a 192.0.2.1 GET", b"http://h/ 192.0.2.1 HEAD - -"])),
        "rewrite": b"\x01" + b"".join(b"%d %s\n" % (i, line) for i, line in enumerate([
            b"http://h/opt/a.cern.ch/%41b?c=d 192.0.2.1/- - GET", b"https://old1:8000/opt",
            b"http://OLD:8000/cvmfs/a%20b/x", b"http://x/cvmfs/b.cern.ch/.cvmfspublished -",
            b"http://x/opt/../y", b"http://x/opt//y", b"http://u@h/opt", b"x:443 - - CONNECT"])),
    }


def activities():
    message = (b'{"version":1,"timestamp":"26 Oct 2021 15:00:00","type":"activity",'
               b'"repository":"sw.example.net","manifest":"%s"}')
    return {
        "stock": b'{ "version" : 1, "timestamp" : "3 Jan 2026 04:05:06", "type" : "activity", '
                 b'"repository" : "a.b", "manifest" : "QzEyMwo="}',
        "short": message % b"QQ==",
        "blank": message % b" QQ==",
        "loose": message % b"QR==",
        "no-padding": message % b"QQ",
        "date": b"26 Oct 2021 15:00:00",
    }


def event_streams():
    return {
        "two": b"id: 7\nevent: activity\ndata: {}\n\nretry: 3000\n\n: \n\ndata: a\ndata: b\n\n",
        "crlf": b"data: a\r\n\r\n",
        "cut": b"data: {\"version\":1",
        "odd": b"id: x\n:\ndata\nevent:\n\n",
    }


def missing_reports():
    name = DIGITS.encode()
    return {
        "file": b"sw.example.net " + name,
        "catalog": b"sw.example.net " + name + b"-shake128C",
        "no-object": b"sw.example.net ",
        "path": b"../etc " + name,
    }


def attributes():
    return damaged({
        "two": b"\x01\x02\x0d\x10user.checksum0123456789abcdef\x08\x03user.foobar",
        "none": b"\x01\x00",
    })  # fmt: skip


def chunks():
    """Four bytes of sizes, then data of which some repeats."""
    noise = b"".join(hashlib.sha1(bytes([i])).digest() for i in range(100))
    return {
        "noise": bytes([0, 200, 250, 16]) + noise,
        "zeros": bytes([16, 16, 255, 0]) + bytes(2000),
        "short": bytes([1, 1, 1, 1]) + b"abc",
        "mixed": bytes([9, 30, 90, 99]) + noise[:500] + bytes(500) + noise[:500],
    }


def geo_databases():
    """Files of every shape, and such as the library alone would not survive."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "geo.mmdb"

        def written(networks, **options):
            mmdb.write(path, networks, **options)
            return path.read_bytes()

        place = {"192.0.0.0/4": (1.0, 2.0)}
        nested = mmdb.Data(share=False)
        nested.append({"x": b"\x01\x04" * 1000 + b"\xe0", "location": {"latitude": 1.0}})
        good = damaged({
            "flat-24": written(mmdb.standard(4), ip_version=4, record_size=24, flat=True),
            "nested-28": written({"10.0.0.0/8": (1.0, 2.0), "2001::/16": (3.0, 4.0)}),
            "floats-32": written(place, record_size=32, float32=True, share=False),
        })
        whole = written(place, record_size=32)
        nodes = whole.index(b"node_count") + len("node_count")
        return good | {
            "deep": written(place | {"10.0.0.0/8": bytes(nested.bytes)}),
            "circle": written(place | {"10.0.0.0/8": b"\xe1\x48location\x20\x00"}),
            "many-nodes": whole[:nodes] + b"\xc4\x20\x00\x00\x02" + whole[nodes + 2 :],
            "deep-metadata": whole[: whole.index(mmdb.MARKER)] + mmdb.MARKER
            + b"\xe1\x41x" + b"\x01\x04" * 1000,
            "no-metadata": whole[: whole.index(mmdb.MARKER)] + mmdb.MARKER,
        }  # fmt: skip


def geo_orders():
    """Places: a byte (bit 0: known; the first one's others: the separator) and two numbers."""
    def place(known, latitude, longitude):
        return struct.pack("<Bdd", known, latitude, longitude)

    cern, fnal, ihep = (46.2324, 6.0502), (41.7768, -88.4604), (39.9289, 116.3883)
    nan, infinity = float("nan"), float("inf")
    return {
        "hosts": place(1, *cern) + place(1, *fnal) + place(0, 0, 0) + place(1, *ihep),
        "proxies": place(1 | 2 | 1 << 2, *cern) + place(1, *fnal) + place(0, 0, 0)
        + place(1, *ihep) + place(1, *cern),
        "nobody": place(3, *cern) + place(0, *fnal) + place(0, *ihep),
        "antipodes": place(1, *cern) + place(1, -46.2324, -173.9498) + place(1, *cern) * 3,
        "odd": place(1, nan, 0) + place(1, infinity, 1) + place(1, 1e308, -1e308)
        + place(1, nan, nan) + place(1, *cern),
        "many": b"".join(place(1, number % 90, number) for number in range(100)),
    }  # fmt: skip


def geo_requests():
    """What follows "api/" in a URL."""
    return {
        "list": b"v1.0/geo/squid.example.net/a.example.net,b.example.net,c.example.net",
        "proxies": b"v1.0/geo/x/10.0.0.1,10.0.0.2,+PXYSEP+,10.0.0.3,,+PXYSEP+",
        "literals": b"v1.0/geo/[::1]/::ffff:10.0.0.1,[2001:db8::1],10.0.0.1",
        "count": b"v1.0/geo/_namelookups_/",
        "slashes": b"//v1.0//geo///x//a//b,c/",
        "empty": b"v/geo/x/",
        "unnamed": b"v1.0/geo//",
        "other": b"v1.0/stats/x/a",
        "malformed": b"1.0/geo/x\r\n\x00\xc3\xa4",
    }


def main():
    for name, files in {
        "manifest": manifests(),
        "whitelist": whitelists(),
        "certificate": certificates(),
        "object": objects(),
        "settings": settings(),
        "catalog": catalogs(),
        "history": damaged({"tags": database(TAGS)}),
        "reflog": damaged({"refs": database(REFLOG)}),
        "inflate": streams(),
        "date": dates(),
        "gc_line": gc_lines(),
        "helper": helper_lines(),
        "partial_rules": partial_rules(),
        "policy_rules": policies(),
        "store_rules": store_rules(),
        "rewrite_rules": rewrites(),
        "proxy_log": proxy_lines(),
        "missing_report": missing_reports(),
        "activity": activities(),
        "event_stream": event_streams(),
        "geo_database": geo_databases(),
        "geo_order": geo_orders(),
        "geo_request": geo_requests(),
        "xattr_blob": attributes(),
        "chunker": chunks(),
    }.items():
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (CORPUS / name / file).write_bytes(content)


if __name__ == "__main__":
    main()
