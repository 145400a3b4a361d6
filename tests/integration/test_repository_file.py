# SPDX-License-Identifier: Apache-2.0
"""/repos/<name>/<path>: put, get, delete one file; say when it expires."""

import base64
import hashlib
import hmac
import random
import shutil
import sqlite3
import time
import zlib

import pytest

from servers import wait_until
from test_uploads import restart
from uploads import NAME, SMALL_CHUNKS, detail, good

# Minimum and maximum of chunks, the buffers on the way, and their neighbours.
SIZES = [0, 1, 19999, 20000, 20001, 40000, 79999, 80000, 80001, 262143, 262144, 262145, 1000000]


@pytest.fixture(scope="module")
def uploads(shared_uploads):
    return shared_uploads(repository=SMALL_CHUNKS)


def test_a_file_is_published(uploads):
    before = uploads.revision()
    answer = good(uploads.put("first", b"hello", Content_Type="text/plain"))
    assert answer["filename"] == "first" and answer["content_type"] == "text/plain"
    assert abs(answer["expires_at"] - time.time() - 7200) < 600
    assert answer["upload_time_s"] >= 0 and answer["publish_time_s"] >= 0
    assert answer["revision"] == uploads.revision() == before + 1
    assert uploads.content(b"/first") == b"hello"
    got = uploads.get("first")
    assert got.status == 200 and got.body == b"hello"
    assert got.headers["content-type"] == "application/octet-stream"
    uploads.expect_no_temporary_files()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sent_is_what_readers_find(uploads, size):
    body = random.Random(size).randbytes(size)
    good(uploads.put(f"sizes/{size}", body))
    assert uploads.content(b"/sizes/%d" % size) == body
    got = uploads.get(f"sizes/{size}")
    assert got.body == body and got.headers["content-length"] == str(size)
    uploads.expect_no_temporary_files()


@pytest.mark.parametrize("compression", ["none", "zlib"])
@pytest.mark.parametrize("algorithm", ["sha1", "rmd160", "shake128"])
def test_files_are_stored_as_the_publisher_stores_them(shared_uploads, algorithm, compression):
    uploads = shared_uploads("-a", algorithm, "-Z", compression, repository=SMALL_CHUNKS)
    body = random.Random(1).randbytes(150000) + bytes(200000) + b"text " * 9000
    good(uploads.put("uploaded", body))
    source = uploads.site.folder / "source"
    source.mkdir()
    (source / "ingested").write_bytes(body)
    entries = {path: (entry["hash"], entry["size"], entry["flags"]) for path, entry
               in uploads.tree().entries.items()}
    objects = uploads.objects()
    uploads.site.run("ingest", "--from", source, NAME)
    entry = uploads.tree().entries[b"/ingested"]
    assert (entry["hash"], entry["size"], entry["flags"]) == entries[b"/uploaded"]
    new = uploads.objects() - objects
    assert not [path for path in new if path[-1] not in "CXH"], new
    uploads.closure()


def test_paths_are_made(uploads):
    good(uploads.put("deep/er/than/this", b"1"))
    tree = uploads.tree()
    assert tree.content(b"/deep/er/than/this") == b"1"
    assert tree.entries[b"/deep/er"]["mode"] & 0o777 == 0o755
    good(uploads.put("deep/er/than/that", b"2"))
    assert "is no directory" in detail(uploads.put("deep/er/than/this/one", b""), 409)
    assert "as a directory" in detail(uploads.put("deep/er", b"", "?overwrite=true"), 409)


def test_names_of_every_language(uploads):
    for name in ("%C3%BCml%C3%A4ut", "with%20space", "100%25", "a+b&c=d", "-dash", "l" * 255):
        good(uploads.put(f"names/{name}", name.encode()))
        assert uploads.get(f"names/{name}").body == name.encode()
    assert uploads.content("/names/ümläut".encode())


@pytest.mark.parametrize("path", [
    "..", "../x", "a/../b", "a/..", "%2e%2e/x", "a/%2E%2E/b", "./x", "a//b", "//x", "a/", 
    "l" * 256, "/".join(["d" * 200] * 30), ".cvmfspublished", "a/.cvmfscatalog", ".cvmfsdirtab",
    ".cvmfs", "ttl.json", "new%0Aline", "tab%09", "no-utf8%FF", "del%7F", "%c0%ae%c0%ae/x"])
def test_names_that_are_none(uploads, path):
    before = uploads.revision(), uploads.objects()
    for method in ("PUT", "DELETE", "GET"):
        assert uploads.request(method, f"{NAME}/{path}", b"x" if method == "PUT" else None).status \
            in (400, 404), method
    assert detail(uploads.put(path, b"x"), 400)
    assert (uploads.revision(), uploads.objects()) == before


def test_an_encoded_slash_or_nul_is_none(uploads):
    assert uploads.put("a%2fb", b"x").status in (400, 404)
    assert uploads.put("..%2f..%2fetc", b"x").status in (400, 404)
    assert uploads.put("x%00y", b"x").status in (400, 404)


def test_what_is_there_stays_unless_asked(uploads):
    good(uploads.put("once", b"one"))
    before = uploads.revision()
    assert "there already" in detail(uploads.put("once", b"two"), 409)
    assert uploads.revision() == before
    good(uploads.put("once", b"two", "?overwrite=true"))
    assert uploads.get("once").body == b"two"


def test_parameters_are_checked(uploads):
    for query in ("?ttl_s=x", "?ttl_s=-1", "?ttl_s=1.5", "?overwrite=maybe", "?unpack=2", "?ttl_s=%zz",
                  "?ttl_s=99999999999999999999"):
        assert detail(uploads.put("checked", b"", query), 422)
    assert detail(uploads.put("checked", b"x", "?unpack=true"), 400)


def test_ranges_and_conditions(uploads):
    body = random.Random(3).randbytes(300000)
    good(uploads.put("ranges", body))
    whole = uploads.get("ranges")
    etag, modified = whole.headers["etag"], whole.headers["last-modified"]
    for first, last in ((0, 0), (10, 99999), (79990, 80010), (299999, 299999), (100, 10 ** 9)):
        part = uploads.get("ranges", Range=f"bytes={first}-{last}")
        assert part.status == 206 and part.body == body[first:last + 1]
        assert part.headers["content-range"] == f"bytes {first}-{min(last, 299999)}/300000"
    assert uploads.get("ranges", Range="bytes=-7").body == body[-7:]
    assert uploads.get("ranges", Range="bytes=299990-").body == body[299990:]
    assert uploads.get("ranges", Range="bytes=300000-").status == 416
    assert uploads.get("ranges", Range="bytes=0-1,5-6").body == body
    assert uploads.get("ranges", Range="bytes=0-1", If_Range=etag).status == 206
    assert uploads.get("ranges", Range="bytes=0-1", If_Range='"other"').body == body
    assert uploads.get("ranges", If_None_Match=etag).status == 304
    assert uploads.get("ranges", If_Modified_Since=modified).status == 304
    head = uploads.request("HEAD", f"{NAME}/ranges")
    assert head.status == 200 and head.headers["content-length"] == "300000" and head.body == b""


def test_delete(uploads):
    good(uploads.put("gone/file", b"x"))
    answer = good(uploads.request("DELETE", f"{NAME}/gone/file"))
    assert answer["target_name"] == "gone/file" and answer["revision"] == uploads.revision()
    assert b"/gone/file" not in uploads.tree().entries
    for path in ("gone/file", "gone", "never"):
        assert detail(uploads.request("DELETE", f"{NAME}/{path}"), 404)
        assert detail(uploads.get(path), 404)


def expiry(uploads):
    with sqlite3.connect(f"file:{uploads.spool / NAME}/expiry.sqlite?mode=ro", uri=True) as table:
        return {path: (content, when / 1e6) for path, content, when in
                table.execute("SELECT path, content, expires_at FROM expiry")}


def test_when_a_file_expires(uploads):
    answer = good(uploads.put("mortal", b"x", "?ttl_s=600"))
    content, when = expiry(uploads)["/mortal"]
    assert when == pytest.approx(answer["expires_at"])
    entry = uploads.tree().entries[b"/mortal"]
    assert content == f"1.{entry['mtime']}.{entry['hash'].hex()}"
    changed = good(uploads.request("POST", f"{NAME}/mortal/ttl?ttl_s=1000"))
    assert changed == {"filename": "mortal", "ttl_s": 1000}
    assert 900 < expiry(uploads)["/mortal"][1] - time.time() < 1100
    assert good(uploads.request("POST", f"{NAME}/mortal/ttl?ttl_s=0"))["ttl_s"] == 0
    assert "/mortal" not in expiry(uploads)
    assert good(uploads.put("immortal", b"x", "?ttl_s=0"))["expires_at"] is None
    assert "/immortal" not in expiry(uploads)
    large = random.Random(9).randbytes(200000)
    good(uploads.put("mortal", large, "?ttl_s=600&overwrite=yes"))
    before = expiry(uploads)["/mortal"]
    good(uploads.request("POST", f"{NAME}/mortal/ttl?ttl_s=5000"))
    assert expiry(uploads)["/mortal"][0] == before[0]
    good(uploads.request("DELETE", f"{NAME}/mortal"))
    assert "/mortal" not in expiry(uploads)
    assert detail(uploads.request("POST", f"{NAME}/mortal/ttl?ttl_s=1"), 404)
    assert detail(uploads.request("POST", f"{NAME}/mortal/ttl"), 422)
    assert detail(uploads.request("POST", f"{NAME}/mortal/ttl?ttl_s=soon"), 422)
    assert detail(uploads.request("POST", f"{NAME}/mortal"), 404)


def test_rights(shared_uploads):
    uploads = shared_uploads()
    uploads.allow(f"allow ci write,read {NAME} /ours",
                  f"allow anonymous read {NAME} /ours/public")
    good(uploads.put("ours/a", b"a"))
    good(uploads.put("ours/public/b", b"b"))
    assert "may not write" in detail(uploads.put("theirs", b""), 403)
    assert "may not write" in detail(uploads.put("oursx", b""), 403)
    assert "may not delete" in detail(uploads.request("DELETE", f"{NAME}/ours/a"), 403)
    assert "may not ttl" in detail(uploads.request("POST", f"{NAME}/ours/a/ttl?ttl_s=1"), 403)
    assert uploads.get("ours/public/b", token=None).body == b"b"
    for wrong in ({"token": None}, {"token": "Secret"}, {"token": None, "Authorization": "Basic YTpi"},
                  {"token": None, "Authorization": "x"}):
        refused = uploads.put("ours/c", b"c", **wrong)
        assert detail(refused, 401) and refused.headers["www-authenticate"].startswith("Bearer")
    assert detail(uploads.request("PUT", "other.example.net/ours/x", b""), 403)
    uploads.allow("allow ci all *")
    assert detail(uploads.request("PUT", "other.example.net/ours/x", b""), 404)
    assert detail(uploads.request("PUT", "b@d/x", b""), 404)
    (uploads.confdir / "access").write_text("nonsense\n")
    assert detail(uploads.put("ours/d", b""), 500)
    uploads.allow("allow ci all *")


def test_a_whole_object_beside_the_chunks(shared_uploads):
    """As the publisher makes it of the same file; and it expires by what it is."""
    uploads = shared_uploads(repository={**SMALL_CHUNKS, "CVMFS_GENERATE_LEGACY_BULK_CHUNKS": "true"})
    plain = shared_uploads(repository=SMALL_CHUNKS)
    for size in (0, 19999, 20001, 300000):
        body = random.Random(size).randbytes(size)
        for site in (uploads, plain):
            good(site.put(f"file{size}", body, "?ttl_s=3600"))
            assert site.get(f"file{size}").body == body
        one, other = (site.tree().entries[b"/file%d" % size] for site in (uploads, plain))
        assert one["chunks"] == other["chunks"]
        whole = hashlib.sha1(zlib.compress(body)).hexdigest()
        assert one["hash"] == bytes.fromhex(whole)
        assert (uploads.storage / "data" / whole[:2] / whole[2:]).exists()
    uploads.closure()
    with sqlite3.connect(uploads.spool / NAME / "expiry.sqlite") as database:
        database.execute("UPDATE expiry SET expires_at = 1")
    good(uploads.request("POST", f"{NAME}/clean"))
    assert good(uploads.get(""))["files"] == ["new_repository"]
    uploads.expect_no_temporary_files()


def signed(method, target, date, secret="SHARED"):
    text = f"{method}\n{target}\n{date}\n".encode()
    mac = hmac.new(secret.encode(), text, hashlib.sha1).hexdigest()
    return {"token": None, "X-Replica-Date": str(date),
            "Authorization": "id1 " + base64.b64encode(mac.encode()).decode()}


def test_keys_sign_requests(shared_uploads):
    uploads = shared_uploads()
    key = uploads.confdir / "keys" / "robot.gw"
    key.write_text("plain_text id1 SHARED\n")
    shutil.chown(key, user=uploads.owner)
    key.chmod(0o644)
    uploads.allow("allow robot all *", "key robot robot.gw")
    path, now = f"/repos/{NAME}/signed", int(time.time()) + 2
    assert "chmod 600" in detail(uploads.put("signed", b"", **signed("PUT", path, now)), 500)
    key.chmod(0o600)
    good(uploads.put("signed", b"1", **signed("PUT", path, now)))
    assert "sent before" in detail(uploads.put("signed", b"1", **signed("PUT", path, now)), 401)
    target = path + "?overwrite=1"
    good(uploads.put("signed", b"2", "?overwrite=1", **signed("PUT", target, f"{now}-n1")))
    good(uploads.put("signed", b"3", "?overwrite=1", **signed("PUT", target, f"{now}-n2")))
    assert detail(uploads.put("signed", b"", **signed("PUT", target, now + 1)), 401)
    assert detail(uploads.put("signed", b"", **signed("PUT", path, now + 1, "WRONG")), 401)
    assert detail(uploads.put("signed", b"", **signed("PUT", path, now - 3600)), 401)
    assert uploads.get("signed", **signed("GET", path, now)).body == b"3"
    form = signed("POST", f"/repos/{NAME}", now)
    good(uploads.post("form", b"x", **form))
    assert "sent before" in detail(uploads.post("form2", b"x", **form), 401)


def test_a_signature_is_good_once_whoever_starts_in_between(shared_uploads):
    uploads = shared_uploads()
    key = uploads.confdir / "keys" / "robot.gw"
    key.write_text("plain_text id1 SHARED\n")
    shutil.chown(key, user=uploads.owner)
    key.chmod(0o600)
    uploads.allow("allow robot all *", "allow ci all *", "key robot robot.gw")
    path = f"/repos/{NAME}/signed"
    ahead = [signed("PUT", path, int(time.time()) + 250 + number) for number in range(3)]
    present = signed("PUT", path, int(time.time()))
    wait_until(lambda: uploads.put("signed", b"x", **present).status in (200, 401), "it is answered")
    good(uploads.put("signed", b"x", "?overwrite=1",
                     **signed("PUT", path + "?overwrite=1", int(time.time()) + 200)))
    good(uploads.request("DELETE", f"{NAME}/signed"))
    good(uploads.put("signed", b"x", **ahead[0]))
    for signal in (uploads.daemon.process.kill, uploads.daemon.stop):
        signal()
        restart(uploads)
        good(uploads.request("DELETE", f"{NAME}/signed"))
        assert "sent before" in detail(uploads.put("signed", b"x", **ahead[0]), 401)
        assert detail(uploads.put("signed", b"x", **present), 401)
        good(uploads.put("signed", b"x", **ahead.pop()))
    database = uploads.spool / "signatures.sqlite"
    assert database.exists()
    # Where it cannot be known nobody is believed who may have been there before.
    uploads.daemon.process.kill()
    database.write_bytes(b"damaged" * 1000)
    restart(uploads)
    good(uploads.request("DELETE", f"{NAME}/signed"))
    assert "before snapshotd was started" in detail(uploads.put("signed", b"x", **ahead[0]), 401)
    uploads.daemon.process.kill()
    database.unlink()
