# SPDX-License-Identifier: Apache-2.0
"""/repos/<name>: the files of a repository, and new ones from forms."""

import io
import json
import random
import subprocess
import tarfile

import pytest

from uploads import NAME, detail, good


@pytest.fixture(scope="module")
def uploads(shared_uploads):
    return shared_uploads()


def test_a_form_is_published(uploads):
    body = random.Random(1).randbytes(700000)
    answer = good(uploads.post("from-a-form", body, "?ttl_s=36000"))
    assert answer["filename"] == "from-a-form" and answer["content_type"] == "text/x-test"
    assert uploads.content(b"/from-a-form") == body
    good(uploads.post("in/a/folder", b"x"))
    assert uploads.content(b"/in/a/folder") == b"x"
    uploads.expect_no_temporary_files()


@pytest.mark.parametrize("boundary", ["x", "-" * 70, "--", "b'()+_,-./:=?", "X" * 200])
def test_any_boundary(uploads, boundary):
    body = b"\r\n--" + boundary.encode()[:-1] + b"!\r\n-\r\n\r\r\n--\r\n" + bytes(range(256))
    name = f"boundary-{len(boundary)}-{ord(boundary[0])}"
    path = f"{NAME}"
    form = (f'preamble\r\n--{boundary}\r\ncontent-disposition: form-data; name="other"\r\n\r\nx'
            f'\r\n--{boundary}  \r\nContent-Disposition: form-data; filename="{name}"; name=file'
            f'\r\n\r\n').encode() + body + f"\r\n--{boundary}--\r\nepilogue".encode()
    good(uploads.request("POST", path, form,
                         Content_Type=f'multipart/form-data; boundary="{boundary}"'))
    assert uploads.content(b"/" + name.encode()) == body


def test_curl_sends_it(uploads, folder):
    file = folder / "from curl"
    file.write_bytes(random.Random(2).randbytes(2000000))
    done = subprocess.run(["curl", "-sS", "-H", "Authorization: Bearer secret", "-F", f"file=@{file}",
                           f"http://127.0.0.1:{uploads.httpd.port}/repos/{NAME}"],
                          capture_output=True, check=True)
    assert json.loads(done.stdout)["filename"] == "from curl"
    assert uploads.content(b"/from curl") == file.read_bytes()
    got = subprocess.run(["curl", "-sS", "-H", "Authorization: Bearer secret", "-T", file,
                          "-H", "Expect: 100-continue",
                          f"http://127.0.0.1:{uploads.httpd.port}/repos/{NAME}/from/curl"],
                         capture_output=True, check=True)
    assert json.loads(got.stdout)["filename"] == "from/curl"


def test_forms_that_are_none(uploads):
    before = uploads.revision()
    assert detail(uploads.post("x", b"", field="other"), 422)
    assert detail(uploads.post("", b""), 400)
    assert detail(uploads.post("../x", b""), 400)
    assert detail(uploads.post("/x", b""), 400)
    assert detail(uploads.post("ttl.json", b""), 400)
    assert detail(uploads.request("POST", NAME, b"x", Content_Type="text/plain"), 422)
    assert detail(uploads.request("POST", NAME, b"x", Content_Type="multipart/form-data"), 422)
    cut = b'--b\r\nContent-Disposition: form-data; name="file"; filename="cut"\r\n\r\nxxx\r\n--b'
    assert detail(uploads.request("POST", NAME, cut, Content_Type="multipart/form-data; boundary=b"), 400)
    twice = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="one"\r\n\r\nx\r\n'
             b'--b\r\nContent-Disposition: form-data; name="file"; filename="two"\r\n\r\nx\r\n--b--')
    assert detail(uploads.request("POST", NAME, twice, Content_Type="multipart/form-data; boundary=b"),
                  400)
    assert uploads.revision() == before
    uploads.expect_no_temporary_files()


def test_the_list(uploads):
    good(uploads.put("listed/one", b""))
    good(uploads.put("listed/two", b""))
    good(uploads.put("listed/below/three", b""))
    assert good(uploads.get("", token="secret"))["files"].count("new_repository") == 1
    assert "listed" not in good(uploads.get(""))["files"]
    listed = good(uploads.request("GET", f"{NAME}?path=listed"))["files"]
    assert listed == ["one", "two"]
    assert good(uploads.request("GET", f"{NAME}/?path=/listed/below"))["files"] == ["three"]
    assert detail(uploads.request("GET", f"{NAME}?path=none"), 404)
    assert detail(uploads.request("GET", f"{NAME}?path=listed/one"), 404)
    assert detail(uploads.request("GET", f"{NAME}?path=../x"), 400)
    assert detail(uploads.request("GET", "none.example.net"), 404)
    assert detail(uploads.request("GET", NAME, token="wrong"), 401)
    refused = uploads.request("DELETE", NAME)
    assert refused.status == 405 and refused.headers["allow"] == "GET, HEAD, POST"


def test_a_long_list(uploads, folder):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for number in range(3000):
            archive.addfile(tarfile.TarInfo(f"{number:04d}-" + "n" * 90))
    file = folder / "many.tar"
    file.write_bytes(out.getvalue())
    folder.chmod(0o755)
    uploads.site.run("ingest", "-t", file, "-b", "many", NAME)
    assert len(good(uploads.request("GET", f"{NAME}?path=many"))["files"]) == 3000
