"""The archive, the packages and `make install` agree; what the packages run is sound."""
import fnmatch
import os
import re
import shutil
import subprocess

import pytest

from loops import MODE
from sources import BUILD, TOP, tracked

# Under version control, but of no use in an archive.
NOT_ARCHIVED = {".ci/run", ".gitignore"}
# Where `make install` puts what the packages have at their distribution's places.
PLACES = {
    "deb": {"moddir": "/usr/lib/apache2/modules", "unitdir": "/lib/systemd/system"},
    "rpm": {"moddir": "/usr/lib64/httpd/modules", "unitdir": "/usr/lib/systemd/system"},
}
# What only the packages have: files at work that `make install` has among the examples.
ADDED = {
    "deb": {"/etc/logrotate.d/cvmfs", "/etc/apache2/conf-available/replica.conf",
            "/etc/apache2/mods-available/replica.load"},
    "rpm": {"/etc/logrotate.d/cvmfs", "/etc/httpd/conf.d/replica.conf",
            "/etc/httpd/conf.modules.d/10-replica.conf"},
}
DOCUMENTS = ("/usr/share/doc/*", "/usr/share/licenses/*")

# Building packages is not for every edit.
pytestmark = [] if MODE != "quick" else pytest.mark.skip(reason="scripts/test --quick")


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          **options)
    assert done.returncode == 0, f"{command}: {(done.stdout + done.stderr)[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """What `make dist` makes."""
    folder = tmp_path_factory.mktemp("archive")
    run("make", "-C", BUILD, "dist-gzip")
    name = max(BUILD.glob("replica-*.tar.gz"), key=lambda path: path.stat().st_mtime)
    return shutil.move(name, folder / name.name)


@pytest.fixture(scope="module")
def packages(archive, tmp_path_factory):
    """The folder with both kinds of packages, compiled in a hurry: what is in them counts."""
    folder = tmp_path_factory.mktemp("packages")
    run(TOP / "scripts/package", "all", folder,
        env={**os.environ, "REPLICA_ARCHIVE": archive, "DEB_BUILD_OPTIONS": "noopt",
             "CFLAGS": "-O0"})
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A function: the root of a `make install` as a distribution would do it."""
    made = {}

    def install(kind):
        if kind not in made:
            made[kind] = tmp_path_factory.mktemp(f"root-{kind}")
            run("make", "-C", BUILD, "install", f"DESTDIR={made[kind]}", "prefix=/usr",
                "sysconfdir=/etc", f"httpd_moddir={PLACES[kind]['moddir']}",
                f"systemdsystemunitdir={PLACES[kind]['unitdir']}")
        return made[kind]

    return install


def comparable(paths):
    """Manual pages without .gz; of the documents only the examples."""
    paths = {re.sub(r"^(/usr/share/man/.*)\.gz$", r"\1", path) for path in paths}
    return {path for path in paths if "/doc/replica/examples/" in path
            or not any(fnmatch.fnmatch(path, pattern) for pattern in DOCUMENTS)}


def files_below(root):
    return comparable(f"/{path.relative_to(root)}" for path in root.rglob("*")
                      if not path.is_dir())


def debian_packages(folder):
    return [path for path in folder.glob("*.deb") if "-dbgsym_" not in path.name]


def files_of_debs(folder):
    lines = [line for path in debian_packages(folder)
             for line in run("dpkg-deb", "-c", path).splitlines()]
    return comparable(line.split()[5][1:] for line in lines if line[0] == "-")


def files_of_rpms(folder):
    lines = run("rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\n]",
                *folder.glob("*.rpm")).splitlines()
    return comparable(line.split()[1] for line in lines if line[0] == "-")


def test_everything_tracked_is_in_the_archive(archive):
    if not (TOP / ".git").exists():
        return  # this is an unpacked archive
    names = {name.split("/", 1)[1] for name in run("tar", "-tzf", archive).splitlines()}
    missing = {str(path.relative_to(TOP)) for path in tracked("*")} - names - NOT_ARCHIVED
    assert not missing, "add these to a local.mk"


def test_versions_agree():
    def version(path, pattern):
        return re.search(pattern, (TOP / path).read_text(), re.M).group(1)

    assert version("configure.ac", r"AC_INIT\(\[replica\], \[([\d.]+)\]") \
        == version("conf/debian/changelog", r"\Areplica \(([\d.]+)-\d+\)") \
        == version("conf/rpm/replica.spec", r"^Version: +([\d.]+)$") \
        == version("conf/rpm/replica.spec", r"^%changelog\n\*.* - ([\d.]+)-\d+$")


def test_debian_packages_hold_what_is_installed(packages, installed):
    assert files_of_debs(packages) == files_below(installed("deb")) | ADDED["deb"]


def test_rpms_hold_what_is_installed(packages, installed):
    assert files_of_rpms(packages) == files_below(installed("rpm")) | ADDED["rpm"]


def test_lintian_finds_no_errors(packages):
    run("lintian", "--allow-root", "--fail-on", "error", *packages.glob("*.changes"))


def test_maintainer_scripts_pass_shellcheck(packages, tmp_path):
    scripts = []
    for package in debian_packages(packages):
        run("dpkg-deb", "-e", package, tmp_path / package.stem)
        scripts += [path for path in (tmp_path / package.stem).iterdir()
                    if path.name in ("preinst", "postinst", "prerm", "postrm")]
    for package in packages.glob("*.rpm"):
        for tag in ("PREIN", "POSTIN", "PREUN", "POSTUN"):
            text = run("rpm", "-qp", "--qf", f"%|{tag}?{{%{{{tag}}}}}|", package)
            scripts.append(tmp_path / f"{package.stem}.{tag}")
            scripts[-1].write_text(f"#!/bin/sh\n{text}\n")
    assert len(scripts) > 10
    # What debhelper adds sources files that are not here, and loops over one name.
    run("shellcheck", "-e", "SC1090,SC1091,SC2043", *scripts)


def test_systemd_accepts_the_units(installed, tmp_path):
    root = installed("deb")
    for name in ("snapshotd.service", "snapshotd-events.service", "snapshotd-events.socket"):
        unit = (root / "lib/systemd/system" / name).read_text()
        unit, count = re.subn(r"^ExecStart=.*/sbin/snapshotd\b",
                              f"ExecStart={root}/usr/sbin/snapshotd", unit, flags=re.M)
        assert count == name.endswith(".service")
        (tmp_path / name).write_text(unit)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *tmp_path.glob("snapshotd*")],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_makes_the_user_and_its_folders(installed, tmp_path):
    root = installed("deb")
    (tmp_path / "etc").mkdir()
    made = run("fakeroot", "sh", "-ec",
               'systemd-sysusers --root="$1" "$2"; systemd-tmpfiles --root="$1" --create "$3";'
               'cd "$1"; stat -c "%n %a %u" srv/cvmfs srv/cvmfs/info/v1 var/spool/cvmfs '
               'var/log/cvmfs dev/shm/cvmfs_snapshot_all', "sh", tmp_path,
               root / "usr/lib/sysusers.d/replica.conf",
               root / "usr/lib/tmpfiles.d/replica.conf").splitlines()
    user = re.search(r"^cvmfs:x:(\d+):", (tmp_path / "etc/passwd").read_text(), re.M).group(1)
    assert made[-5:] == [f"srv/cvmfs 755 {user}", f"srv/cvmfs/info/v1 755 {user}",
                         f"var/spool/cvmfs 755 {user}", f"var/log/cvmfs 755 {user}",
                         "dev/shm/cvmfs_snapshot_all 1777 0"]


def test_logrotate_file_is_what_snapshot_asks_for():
    """The reference's text, so that a package finds a file there that is its own."""
    assert (TOP / "conf/logrotate.d/cvmfs").read_text() == (
        "/var/log/cvmfs/*.log {\n    weekly\n    missingok\n    notifempty\n}\n")
