"""Who may include whom, and who sees which library."""
import re

from sources import LEVELS, PROGRAMS, TOP, c_files

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def includes():
    for path in c_files():
        relative = path.relative_to(TOP)
        if relative.parts[0] == "tests":
            continue
        for kind, name in INCLUDE.findall(path.read_text()):
            yield relative, kind, name


def folder_of(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "libreplica" and len(parts) > 2 else None


def test_own_headers_are_named_from_the_top():
    bad = [f"{file}: {name}" for file, kind, name in includes()
           if kind == '"' and name != "config.h" and not (TOP / name).exists()]
    assert not bad


def test_the_library_includes_its_own_level_or_below():
    bad = []
    for file, kind, name in includes():
        if file.parts[0] != "libreplica" or kind != '"' or name == "config.h":
            continue
        mine, theirs = file.parts[1], folder_of(name)
        if theirs is None or LEVELS[theirs] > LEVELS[mine]:
            bad.append(f"{file}: {name}")
        if {mine, theirs} == {"replicate", "publish"}:
            bad.append(f"{file}: {name} (what both need goes down)")
    assert not bad


def test_programs_do_not_include_each_other():
    bad = [f"{file}: {name}" for file, kind, name in includes()
           if kind == '"' and name.split("/")[0] in PROGRAMS
           and name.split("/")[0] != file.parts[0]]
    assert not bad


def test_the_module_stays_below_the_network():
    bad = [f"{file}: {name}" for file, kind, name in includes()
           if file.parts[0] == "mod_replica" and folder_of(name) is not None
           and LEVELS[folder_of(name)] > 2]
    assert not bad


def test_only_the_module_sees_httpd_and_only_net_sees_curl():
    httpd = re.compile(r"^(httpd|http_\w+|ap_\w+|util_\w+|mod_\w+|scoreboard|mpm_common)\.h$")
    bad = []
    for file, kind, name in includes():
        if kind == "<" and httpd.match(name) and file.parts[0] != "mod_replica":
            bad.append(f"{file}: {name}")
        if name.startswith("curl/") and file.parts[:2] != ("libreplica", "net"):
            bad.append(f"{file}: {name}")
        if name.startswith("apu") or name in ("apr_buckets.h", "apr_xml.h", "apr_dbd.h"):
            if file.parts[0] == "libreplica":
                bad.append(f"{file}: {name} (apr-util)")
    assert not bad


def test_internal_headers_stay_in_their_folder():
    bad = [f"{file}: {name}" for file, _, name in includes()
           if name.endswith("_internal.h") and str(file.parent) != name.rsplit("/", 1)[0]]
    assert not bad
