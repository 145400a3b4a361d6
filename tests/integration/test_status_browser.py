# SPDX-License-Identifier: Apache-2.0
"""The status page as a browser shows it."""

import json
import struct
import subprocess
import time
import zlib

from servers import DEADLINE_SECONDS, Httpd, first_program
from test_status import (BAD, GOOD, NEW, PAGE, change_status, make_fleet,  # noqa: F401
                         site)  # a fixture

WIDTH, HEIGHT = 1280, 560
GREEN, RED, INK = (0x1A, 0x7F, 0x4B), (0xC4, 0x32, 0x2B), (0x1C, 0x23, 0x30)


def browse(url, folder, *arguments):
    program = first_program("chromium", "chromium-browser")
    return subprocess.run(
        [program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}", "--mute-audio",
         "--hide-scrollbars", "--force-color-profile=srgb", *arguments, url],
        capture_output=True, text=True, timeout=5 * DEADLINE_SECONDS, check=True).stdout


def unfilter(kind, line, above, size):
    """One line of a PNG picture, its filter undone in place."""
    for i, byte in enumerate(line):
        left = line[i - size] if i >= size else 0
        up, corner = above[i], above[i - size] if i >= size else 0
        guess = left + up - corner
        paeth = min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
                    (abs(guess - corner), 2, corner))[2]
        line[i] = (byte + (0, left, up, (left + up) // 2, paeth)[kind]) % 256


def colours(path):
    """The set of the colours of a PNG file with 8 bits a channel."""
    data, at, packed = path.read_bytes(), 8, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, form = struct.unpack(">IIBB", data[at + 8:at + 18])
        elif kind == b"IDAT":
            packed += data[at + 8:at + 8 + length]
        at += 12 + length
    assert depth == 8 and form in (2, 6) and (width, height) == (WIDTH, HEIGHT)
    size, raw = (3 if form == 2 else 4), zlib.decompress(packed)
    above, found = bytes(width * size), set()
    for row in range(height):
        start = row * (width * size + 1)
        line = bytearray(raw[start + 1:start + 1 + width * size])
        unfilter(raw[start], line, above, size)
        found.update(zip(line[::size], line[1::size], line[2::size]))
        above = line
    return found


def test_the_page_is_drawn(site, folder):  # noqa: F811
    url = f"http://127.0.0.1:{site.httpd.port}{PAGE}"
    picture = folder / "page.png"
    browse(url, folder, f"--screenshot={picture}")
    seen = colours(picture)
    for colour in (GREEN, RED, INK):
        assert colour in seen, "a word or a bar in this colour"


def test_what_the_browser_makes_of_it(site, folder):  # noqa: F811
    text = browse(f"http://127.0.0.1:{site.httpd.port}{PAGE}", folder, "--dump-dom")
    assert text.count("<tr") == 5, "heading, three repositories, one error"
    for name in (GOOD, BAD, NEW):
        assert f'<th scope="row">{name}</th>' in text
    assert text.count("<svg") == 2 and text.count("<rect") == 3


def test_no_column_is_cut_off(folder):
    """With everything that a row can say."""
    fleet = make_fleet(folder)
    now = int(time.time())
    change_status(fleet, GOOD, upstream_revision="12345", upstream_published=str(now - 7200))
    replica = fleet.replicas["a"]
    (replica.storage / ".cvmfs_is_snapshotting").write_text("Thu Aug  3 10:00:03 UTC 2023\n")
    last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - 432000))
    (replica.spool / "scrub.json").write_text(json.dumps(
        {"version": 1, "last_round": {"started": last, "ended": last},
         "round": {"started": last, "folder": 97, "after": ""}}))
    (fleet.spool / "snapshotd.json").write_text(json.dumps({"replicas": {
        GOOD: {"progress": {"objects": 4821100, "bytes": 930_000_000_000}},
        BAD: {"next": "2100-01-01T00:00:00Z", "place": 123}}}))
    httpd = Httpd(folder / "httpd", f"<VirtualHost *>\nReplica {fleet.confdir} status\n"
                                    "</VirtualHost>\n").start()
    page = httpd.fetch(PAGE).body.decode()
    httpd.stop()
    fleet.origin.close()
    assert "% of the next" in page.replace("\u202f", " ").replace("&#8239;", " ")
    (folder / "page.html").write_text(page.replace("</body>", """<script>
        const table = document.querySelector(".table");
        document.title = table.scrollWidth <= table.clientWidth ? "fits" : "is cut";
        </script></body>"""))
    assert "<title>fits</title>" in browse(f"file://{folder}/page.html", folder, "--dump-dom")
