"""What leaves the module, and what it links."""
import subprocess

from sources import BUILD

MODULE = BUILD / ".libs" / "mod_replica.so"


def test_the_module_exports_exactly_one_symbol():
    out = subprocess.run(["nm", "-D", "--defined-only", str(MODULE)], capture_output=True,
                         text=True, check=True).stdout
    # A sanitizer's runtime adds its own.
    names = [line.split()[-1] for line in out.splitlines()]
    assert [n for n in names if not n.startswith(("__asan", "__ubsan", "_fini", "_init"))] == [
        "replica_module"]


def test_the_module_does_not_link_libcurl():
    out = subprocess.run(["readelf", "-d", str(MODULE)], capture_output=True, text=True,
                         check=True).stdout
    assert "libcurl" not in out
