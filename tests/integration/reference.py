# SPDX-License-Identifier: Apache-2.0
"""A server as the reference's tools lay it out, below a folder of the test's own."""

import os
import pathlib
import pwd
import stat

from cli import Site

HEADER = "# Created by cvmfs_server.  Don't touch.\n"
CRON = ("# snapshots\n"
        "PATH=/usr/sbin:/usr/bin\n"
        "*/5 * * * * root output=$(/usr/bin/cvmfs_server snapshot -a -i 2>&1) "
        '|| echo "$output"\n'
        "#*/9 * * * * root cvmfs_server snapshot -as\n")
UPKEEP = "0 3 * * * root /usr/bin/cvmfs_server gc -af\n4 2 2 * * root cvmfs_server update-geodb\n"


class Reference(Site):
    """Its configuration, storage and spool, and root/etc with cron, httpd and systemd."""

    def __init__(self, folder, layout="debian"):
        super().__init__(folder)
        self.root = self.folder / "root"
        self.layout = layout
        for path in ("etc/cron.d", "etc/systemd/system", "var/spool/cron", "usr/bin"):
            (self.root / path).mkdir(parents=True)
        for path in (self.storage / "info/v1", self.spool, self.log, self.folder / "geo"):
            path.mkdir(parents=True)
        (self.storage / "info/v1/repositories.json").write_text("{}\n")
        (self.log / "snapshots.log").write_text("Starting\n")
        self.write("etc/cron.d/cvmfs_stratum1_snapshot", CRON)
        self.write("etc/cron.d/upkeep", UPKEEP)
        self.write("etc/crontab", "17 * * * * root run-parts /etc/cron.hourly\n")
        self.write("var/spool/cron/root", "*/10 * * * * cvmfs_server snapshot -a\n", 0o600)
        self.write_httpd("info", "Alias /cvmfs/info /srv/cvmfs/info\n")
        self.write_httpd("+webapi", "WSGIDaemonProcess cvmfsapi\n")

    def write(self, name, text, mode=0o644):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    def write_httpd(self, name, text):
        file = f"cvmfs.{name}.conf"
        if self.layout == "el":
            return self.write(f"etc/httpd/conf.d/{file}", HEADER + text)
        self.write(f"etc/apache2/conf-available/{file}", HEADER + text)
        link = self.root / "etc/apache2/conf-enabled" / file
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(f"../conf-available/{file}")
        return link

    def add(self, name, url, key, user, fqrn=None, storage=None,
            folders=256):
        """What add-replica of the reference makes."""
        storage = pathlib.Path(storage or self.storage / name)
        for number in range(folders):
            (storage / f"data/{number:02x}").mkdir(parents=True, exist_ok=True)
        (storage / "data/txn").mkdir()
        spool = self.spool / name
        spool.mkdir()
        (spool / "tmp").symlink_to(storage / "data/txn")
        (spool / "reflog.chksum").write_text("0" * 40 + "\n")
        folder = self.confdir / "repositories.d" / name
        folder.mkdir(parents=True)
        (folder / "server.conf").write_text(
            f"# Created by cvmfs_server.\nCVMFS_CREATOR_VERSION=143\n"
            f"CVMFS_REPOSITORY_NAME={fqrn or name}\nCVMFS_REPOSITORY_TYPE=stratum1\n"
            f"CVMFS_USER={user}\nCVMFS_SPOOL_DIR={spool}\nCVMFS_STRATUM0={url}\n"
            f"CVMFS_STRATUM1=http://localhost/cvmfs/{name}\n"
            f"CVMFS_UPSTREAM_STORAGE=local,{storage}/data/txn,{storage}\n"
            "CVMFS_SNAPSHOT_GROUP=\n")
        (folder / "replica.conf").write_text(
            f"# Created by cvmfs_server.\nCVMFS_NUM_WORKERS=16\nCVMFS_PUBLIC_KEY={key}\n"
            "CVMFS_HTTP_TIMEOUT=10\nCVMFS_HTTP_RETRIES=3\n")
        self.write_httpd(name, f"Alias /cvmfs/{name} {storage}\n")
        for top in (storage, spool):
            give(top, user)
        return storage

    def adopt(self, *arguments, **options):
        return self.run("adopt", "--root", self.root, *arguments, **options)

    def picture(self):
        """All that a path is: to compare before with after."""
        return {str(path.relative_to(self.folder)): look_at(path)
                for path in self.folder.rglob("*")}


def give(top, user):
    if os.geteuid() != 0:
        return
    uid = pwd.getpwnam(user).pw_uid
    for path in (top, *top.rglob("*")):
        os.lchown(path, uid, -1)


def look_at(path):
    status = os.lstat(path)
    content = (os.readlink(path) if stat.S_ISLNK(status.st_mode)
               else path.read_bytes() if stat.S_ISREG(status.st_mode) else None)
    return status.st_mode, status.st_uid, status.st_gid, content
