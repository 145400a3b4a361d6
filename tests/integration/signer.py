# SPDX-License-Identifier: Apache-2.0
"""A repository's keys, made with openssl, and what is signed with them."""

import hashlib
import os
import subprocess
import time
import zlib

from repository_checks import algorithm_of, digest

DAY = 86400


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True,
                          check=True).stdout


def object_path(storage, name):
    return storage / "data" / name[:2] / name[2:]


class Signer:
    """Files of the repository FQRN in FOLDER, with the modes that they should have."""

    def __init__(self, folder, fqrn):
        self.folder, self.fqrn = folder, fqrn
        folder.mkdir(exist_ok=True)
        for ending in ("masterkey", "key"):
            openssl("genrsa", "-out", self.file(ending), "2048")
            self.file(ending).chmod(0o400)
        openssl("rsa", "-in", self.file("masterkey"), "-pubout", "-out", self.file("pub"))
        openssl("req", "-x509", "-new", "-key", self.file("key"), "-subj", f"/CN={fqrn}",
                "-days", 365, "-out", self.file("crt"))

    def file(self, ending):
        return self.folder / f"{self.fqrn}.{ending}"

    def fingerprint(self):
        text = openssl("x509", "-noout", "-fingerprint", "-sha1", "-in", self.file("crt"))
        return text.decode().strip().split("=")[1]

    def whitelist(self, storage, *fingerprints, name=None, days_ago=0):
        begin = time.time() - days_ago * DAY
        dates = [time.strftime("%Y%m%d%H%M%S", time.gmtime(begin + days * DAY)) for days in (0, 30)]
        body = "\n".join([dates[0], "E" + dates[1], "N" + (name or self.fqrn),
                          *(fingerprints or [self.fingerprint()])]) + "\n"
        text = hashlib.sha1(body.encode()).hexdigest()
        signature = openssl("pkeyutl", "-sign", "-inkey", self.file("masterkey"),
                            data=text.encode())
        self.replace(storage / ".cvmfswhitelist", f"{body}--\n{text}\n".encode() + signature)

    def manifest(self, storage, **fields):
        """Sign the present revision, with some fields changed."""
        body = (storage / ".cvmfspublished").read_bytes().split(b"\n--\n")[0].decode()
        present = {line[0]: line[1:] for line in body.splitlines()}
        algorithm = algorithm_of(present["C"])
        certificate = zlib.compress(self.file("crt").read_bytes())
        name = digest(algorithm, certificate)
        path = object_path(storage, name + "X")
        path.parent.mkdir(exist_ok=True)
        self.replace(path, certificate)
        present.update({"X": name, **fields})
        body = "".join(f"{letter}{value}\n" for letter, value in present.items()).encode()
        text = digest(algorithm, body).encode()
        signature = openssl("dgst", "-sha1", "-sign", self.file("key"), data=text)
        self.replace(storage / ".cvmfspublished", body + b"--\n" + text + b"\n" + signature)

    @staticmethod
    def replace(path, content):
        """Whose it was it stays."""
        owner = path.stat() if path.exists() else path.parent.stat()
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        os.chown(path, owner.st_uid, owner.st_gid)
