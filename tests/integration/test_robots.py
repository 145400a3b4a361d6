# SPDX-License-Identifier: Apache-2.0
"""/robots.txt."""

from checks import assert_head_equals_get, assert_read_only, assert_served


def test_keeps_crawlers_out(shared):
    assert_served(shared.httpd.fetch("/robots.txt"), b"User-agent: *\nDisallow: /\n",
                  "text/plain", 86400)
    assert_head_equals_get(shared.httpd, "/robots.txt")
    assert_read_only(shared.httpd, "/robots.txt")
