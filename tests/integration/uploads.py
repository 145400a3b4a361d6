# SPDX-License-Identifier: Apache-2.0
"""A repository that files are uploaded to: httpd with the upload door, snapshotd, one access file."""

import hashlib
import json
import os
import pathlib
import socket

from changer import QuickRepository
from cli import OWNER, Site
from closure import Closure, manifest_fields
from servers import DEADLINE_SECONDS, Httpd, wait_until
from snapshotd import Snapshotd

NAME = "ci.example.net"
SMALL_CHUNKS = {"CVMFS_MIN_CHUNK_SIZE": 20000, "CVMFS_AVG_CHUNK_SIZE": 40000,
                "CVMFS_MAX_CHUNK_SIZE": 80000}
CONFIG = """Replica {confdir} upload
LimitRequestBody 0
"""


def token_hash(token):
    return hashlib.sha256(token.encode()).hexdigest()


class UploadSite:
    """Everything that uploads need, of the user that repositories belong to."""

    def __init__(self, folder, *mkfs, **settings):
        self.folder = pathlib.Path(folder)
        self.owner = OWNER
        self.site = Site(self.folder / "site", user=OWNER if os.geteuid() == 0 else None)
        self.site.set(REPLICA_SOCKET=self.site.folder / "socket", **settings)
        self.site.run("mkfs", "-o", OWNER, "-w", f"http://127.0.0.1/cvmfs/{NAME}", *mkfs, NAME)
        self.allow("allow ci all *")
        self.confdir, self.spool = self.site.confdir, self.site.spool
        self.storage = self.site.storage / NAME
        self.daemon = Snapshotd(self, user=OWNER if os.geteuid() == 0 else None,
                                extra_groups=[] if os.geteuid() == 0 else None)
        self.httpd = Httpd(self.folder / "httpd", CONFIG.format(confdir=self.confdir))
        (self.folder / "scratch").mkdir()
        parts = self.folder / "parts"
        parts.mkdir()
        (parts / "storage").symlink_to(self.storage)
        (parts / "spool").symlink_to(self.site.spool / NAME)
        (parts / "keys").symlink_to(self.confdir / "keys")
        self.parts = QuickRepository(parts, NAME, self.folder / "scratch")

    def allow(self, *lines, token="secret"):
        """Write the access file: TOKEN is the principal ci's."""
        path = self.site.confdir / "access"
        path.with_suffix(".new").write_text(
            "\n".join((f"token ci {token_hash(token)}", *lines)) + "\n")
        path.with_suffix(".new").replace(path)

    def configure(self, **settings):
        with open(self.site.configuration(NAME), "a", encoding="ascii") as file:
            file.writelines(f"{key}={value}\n" for key, value in settings.items())

    def start(self):
        self.daemon.start()
        wait_until((self.site.folder / "socket").exists, "the socket is there")
        self.httpd.start()
        return self

    def close(self):
        self.httpd.stop()
        self.daemon.close()

    def request(self, method, path, body=None, token="secret", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.httpd.fetch(f"/repos/{path}", method, headers, body)

    def put(self, path, body=b"", query="", **more):
        return self.request("PUT", f"{NAME}/{path}{query}", body, **more)

    def post(self, filename, body, query="", field="file", boundary="b0undary", **more):
        form = (f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; '
                f'filename="{filename}"\r\nContent-Type: text/x-test\r\n\r\n').encode()
        form += body + f"\r\n--{boundary}--\r\n".encode()
        return self.request("POST", f"{NAME}{query}", form,
                            Content_Type=f"multipart/form-data; boundary={boundary}", **more)

    def get(self, path, **more):
        return self.request("GET", f"{NAME}/{path}" if path else NAME, **more)

    def revision(self):
        return int(manifest_fields(self.storage)["S"])

    def tree(self):
        """The published tree, checked by the rules of any reader."""
        _, tree = self.parts.check()
        return tree

    def content(self, path):
        return self.tree().content(path)

    def objects(self):
        return {str(path.relative_to(self.storage)) for path in self.storage.glob("data/??/*")}

    def temporary_files(self):
        return sorted(path.name for path in (self.storage / "data/txn").glob("upload.*"))

    def expect_no_temporary_files(self):
        """They go when a connection ends, which nobody waits for."""
        wait_until(lambda: self.temporary_files() == [], "temporary files are gone")

    def closure(self):
        """What is published is whole, for a reader and for `replicactl check`."""
        self.check()
        return Closure(self.storage)

    def parts_objects(self):
        """What a reader of the present revision needs."""
        return Closure(self.storage).objects

    def check(self):
        self.site.run("check", NAME)

    def open_upload(self, path, length, chunked=False):
        """A connection on which a PUT has begun, its body still to be sent."""
        connection = socket.create_connection(("127.0.0.1", self.httpd.port),
                                              timeout=DEADLINE_SECONDS)
        size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {length}"
        connection.sendall(f"PUT /repos/{NAME}/{path} HTTP/1.1\r\nHost: x\r\n"
                           f"Authorization: Bearer secret\r\n{size}\r\n\r\n".encode())
        return connection


def detail(response, status):
    """The reason of a refusal with this status."""
    assert response.status == status, response.body
    assert response.headers["content-type"] == "application/json"
    return json.loads(response.body)["detail"]


def good(response):
    assert response.status == 200, response.body
    return json.loads(response.body)
