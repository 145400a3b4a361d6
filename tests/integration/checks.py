# SPDX-License-Identifier: Apache-2.0
"""What every answer must be, whatever was asked for."""

from email.utils import parsedate_to_datetime

# What HEAD need not repeat, or what differs from one answer to the next.
VOLATILE = {"date", "expires", "keep-alive", "connection"}


def lifetime(response):
    """Seconds from Date to Expires."""
    date, expires = (parsedate_to_datetime(response.headers[name])
                     for name in ("date", "expires"))
    return int((expires - date).total_seconds())


def assert_served(response, body, content_type, seconds):
    """A 200 with exactly the headers of its kind."""
    assert response.status == 200
    assert response.body == body
    assert response.headers["content-type"] == content_type
    assert response.headers["content-length"] == str(len(body))
    assert response.headers["cache-control"] == f"max-age={seconds}"
    assert lifetime(response) == seconds
    assert response.headers["accept-ranges"] == "bytes"
    assert_plain(response)


def assert_plain(response):
    for name in ("etag", "last-modified", "content-encoding", "vary", "transfer-encoding"):
        assert name not in response.headers


def assert_missing(response, caching=None):
    """A 404 of few bytes."""
    assert response.status == 404
    assert response.headers["content-type"].startswith("text/plain")
    assert len(response.body) < 100
    assert response.headers.get("cache-control") == caching
    assert "expires" not in response.headers
    assert_plain(response)


def assert_head_equals_get(httpd, path):
    head, get = httpd.fetch(path, "HEAD"), httpd.fetch(path)
    assert head.body == b""
    assert head.status == get.status
    assert ({name: value for name, value in head.headers.items() if name not in VOLATILE}
            == {name: value for name, value in get.headers.items() if name not in VOLATILE})


def assert_unconditional(httpd, path, body):
    """Neither dates nor tags make a 304 or a 412."""
    for headers in ({"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"},
                    {"If-Modified-Since": "Fri, 01 Jan 1999 00:00:00 GMT"},
                    {"If-Unmodified-Since": "Fri, 01 Jan 1999 00:00:00 GMT"},
                    {"If-None-Match": "*"}, {"If-None-Match": '"x"'}, {"If-Match": '"x"'}):
        response = httpd.fetch(path, headers=headers)
        assert (response.status, response.body) == (200, body), headers


def assert_read_only(httpd, path):
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "TRACE", "NONSENSE"):
        response = httpd.fetch(path, method, body=b"x" if method == "POST" else None)
        assert response.status == 405, method
        assert response.headers["allow"] == "GET, HEAD"
        assert len(response.body) < 100
