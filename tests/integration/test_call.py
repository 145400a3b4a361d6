# SPDX-License-Identifier: Apache-2.0
"""Calls of an administrator: clean, notify, gc, housekeeping, resign."""

import time

from test_expiry import database_of
from test_upload_gc import object_of
from uploads import NAME, detail, good


def post(uploads, path, **more):
    return uploads.httpd.fetch(path, "POST", {"Authorization": f"Bearer {more.pop('token', 'secret')}"},
                               b"")


def test_the_calls_of_an_administrator(make_uploads):
    uploads = make_uploads(REPLICA_GC_GRACE=1)
    good(uploads.put("name", b"old"))
    good(uploads.put("name", b"new", query="?overwrite=true"))
    good(uploads.put("due", b"due", query="?ttl_s=3600"))
    time.sleep(2.2)
    before = uploads.revision()
    answer = good(post(uploads, "/gc"))
    assert answer["message"] and answer["gc_time_s"] >= 0
    assert not object_of(uploads, b"old").exists() and uploads.revision() == before
    with database_of(uploads) as database:
        database.execute("UPDATE expiry SET expires_at = 1 WHERE path = '/due'")
    answer = good(post(uploads, "/housekeeping"))
    assert answer["message"] and answer["housekeeping_time_s"] >= 0
    assert uploads.revision() == before + 1 and uploads.get("due").status == 404
    good(post(uploads, "/housekeeping"))
    assert uploads.revision() == before + 1
    whitelist = (uploads.storage / ".cvmfswhitelist").read_bytes()
    time.sleep(1.1)
    assert good(post(uploads, "/resign"))["message"]
    assert (uploads.storage / ".cvmfswhitelist").read_bytes() != whitelist
    assert good(post(uploads, f"/repos/{NAME}/notify"))["message"]
    uploads.closure()


def test_they_need_the_right(make_uploads):
    uploads = make_uploads()
    uploads.allow(f"allow ci read,write,delete,ttl {NAME}")
    calls = ("/gc", "/housekeeping", "/resign", f"/repos/{NAME}/clean", f"/repos/{NAME}/notify")
    before = uploads.revision()
    for call in calls:
        assert detail(post(uploads, call), 403), call
        assert detail(post(uploads, call, token="wrong"), 401), call
        assert uploads.httpd.fetch(call, "PUT", {}, b"").status in (401, 405), call
    assert detail(post(uploads, "/repos/no.such.repository/clean"), 403)
    uploads.allow("allow ci admin *")
    assert detail(post(uploads, "/repos/no.such.repository/clean"), 404)
    for call in calls:
        good(post(uploads, call))
    assert uploads.revision() == before
    key = uploads.confdir / "keys" / f"{NAME}.masterkey"
    key.rename(key.with_suffix(".away"))
    assert "masterkey" in detail(post(uploads, "/resign"), 500)
