# SPDX-License-Identifier: Apache-2.0
"""ingest --unpack: compressed archives and container images, layer by layer."""
import bz2
import gzip
import hashlib
import json
import lzma
import os
import random
import subprocess
import tarfile

import pytest

from shelf import Shelf, file, folder_entry, tar

LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE


def zstd(data):
    return subprocess.run(["zstd", "-q"], input=data, capture_output=True, check=True).stdout


PACKERS = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress,
           "zst": zstd}
CONFIGURATION = {"architecture": "amd64", "os": "linux", "config": {
    "Entrypoint": ["/bin/echo", "it's"], "Cmd": ["a  b", "$HOME"],
    "Env": ["PATH=/opt/bin:/bin:/usr/bin", "GREETING=it's \"fine\" $HOME `id`", "EMPTY=",
            "bad-name=1", "no_value"]}}
SKELETON = {b"/.singularity.d", b"/singularity", b"/.run", b"/.exec", b"/.test", b"/.shell",
            b"/environment", b"/dev", b"/proc", b"/root", b"/var", b"/tmp", b"/etc", b"/sys", b"/home"}


@pytest.fixture
def shelf(site, folder):
    return Shelf(site, folder)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def docker(layers, configuration=None):
    """As `docker save` writes it: LAYERS are tar archives, packed or not."""
    text = json.dumps(configuration or CONFIGURATION).encode()
    names = [f"{number:064x}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": digest(text) + ".json", "RepoTags": ["x:1"], "Layers": names}]
    # Layers may come before what names them, and in any order.
    return tar([*(file(name, layer) for name, layer in reversed(list(zip(names, layers)))),
                file(digest(text) + ".json", text), file("repositories", b"{}"),
                file("manifest.json", json.dumps(manifest).encode())])


class Layout:
    """An OCI image layout."""

    def __init__(self):
        self.blobs = {}

    def blob(self, data, kind="layer"):
        self.blobs[digest(data)] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}.v1+json",
                "digest": f"sha256:{digest(data)}", "size": len(data)}

    def manifest(self, layers):
        text = {"schemaVersion": 2,
                "config": self.blob(json.dumps(CONFIGURATION).encode(), "config"),
                "layers": [self.blob(layer) for layer in layers]}
        return self.blob(json.dumps(text).encode(), "manifest")

    def tar(self, *manifests, skip=()):
        index = json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()
        return tar([file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}'),
                    *(file(f"blobs/sha256/{name}", data) for name, data in self.blobs.items()
                      if name not in skip), file("index.json", index)])


def oci(layers):
    layout = Layout()
    return layout.tar(layout.manifest(layers))


def unpack(shelf, archive, *arguments, base="image", code=0):
    shelf.archive.write_bytes(archive)
    shelf.archive.chmod(0o644)
    return shelf.ingest("-t", shelf.archive, "-b", base, "--unpack", *arguments, code=code)


def inside(tree, base=b"/image", skeleton=SKELETON):
    """What the image itself brought."""
    paths = {path[len(base):] for path in tree.entries if path.startswith(base + b"/")}
    return {path for path in paths if not any(
        path == made or path.startswith(made + b"/") for made in skeleton)}


@pytest.mark.parametrize("kind", PACKERS)
def test_archives_however_they_are_compressed(shelf, kind):
    large = random.Random(1).randbytes(300_000)
    unpack(shelf, PACKERS[kind](tar([file("a/b", b"1"), file("large", large)])))
    tree = shelf.tree()
    assert shelf.paths() == {b"/image", b"/image/a", b"/image/a/b", b"/image/large"}
    assert tree.content(b"/image/large") == large


def test_two_gzip_streams_are_one_archive(shelf):
    data = tar([file("a", b"x" * 50_000)])
    unpack(shelf, gzip.compress(data[:700]) + gzip.compress(data[700:]) + bytes(512))
    assert shelf.tree().content(b"/image/a") == b"x" * 50_000


@pytest.mark.parametrize("kind", [kind for kind in PACKERS if kind != "plain"])
@pytest.mark.parametrize("damage", ["cut off", "flipped"])
def test_damaged_archives_change_nothing(shelf, kind, damage):
    data = bytearray(PACKERS[kind](tar([file(f"f{number}", random.Random(number).randbytes(5000))
                                        for number in range(20)])))
    if damage == "cut off":
        del data[-9:]
    else:
        data[len(data) // 2] ^= 0x10
    assert "the archive is damaged or cut off" in unpack(shelf, bytes(data), code=1)
    assert shelf.revision() == 1


def test_a_gzip_checksum_counts(shelf):
    data = bytearray(gzip.compress(tar([file("a", b"content")])))
    data[-8] ^= 1
    assert "gzip stream is damaged" in unpack(shelf, bytes(data), code=1)


def test_without_unpack_nothing_is_unpacked(shelf):
    shelf.archive.write_bytes(gzip.compress(tar([file("a")])))
    shelf.archive.chmod(0o644)
    assert "damaged" in shelf.ingest("-t", shelf.archive, "-b", "x", code=1)
    assert "has to be a file" in shelf.ingest("-t", "-", "-b", "x", "--unpack", code=3)


def test_a_manifest_of_something_else_is_a_file(shelf):
    unpack(shelf, tar([file("manifest.json", b'{"name": "an application"}'), file("index.json", b"[]")]))
    assert inside(shelf.tree()) == {b"/manifest.json", b"/index.json"}


LOWER = tar([folder_entry("usr"), folder_entry("usr/bin"), file("usr/bin/tool", b"old", 0o755),
             file("usr/bin/gone", b"1"), folder_entry("full"), file("full/a", b"1"),
             file("full/deep/b", b"2"), folder_entry("opaque"), file("opaque/old", b"1"),
             file("opaque/kept-name", b"old"), folder_entry("becomes-file"), file("becomes-file/x"),
             file("becomes-directory"), ("bin", LINK, b"usr/bin"), folder_entry("becomes-link"),
             file("becomes-link/x"), file("secret", b"s", 0)])
UPPER = tar([file("usr/bin/tool", b"new", 0o755), file("usr/bin/.wh.gone", b""), file(".wh.full", b""),
             # What a layer adds counts, wherever its whiteouts stand.
             file("opaque/kept-name", b"new"), file("opaque/.wh..wh..opq", b""),
             file("becomes-file", b"f"), file("becomes-directory/x", b"d"),
             ("becomes-link", LINK, b"usr"), file(".wh.never-there", b""),
             ("usr/bin/again", HARD, b"usr/bin/tool"), ("copy", HARD, b"usr/bin/tool"),
             file(".wh..wh.aufs", b""), file("again", b"2"), file(".wh.again", b"")])
UNPACKED = {b"/usr": None, b"/usr/bin": None, b"/usr/bin/tool": b"new", b"/usr/bin/again": b"new",
            b"/copy": b"new", b"/opaque": None, b"/opaque/kept-name": b"new", b"/becomes-file": b"f",
            b"/becomes-directory": None, b"/becomes-directory/x": b"d", b"/becomes-link": None,
            b"/bin": None, b"/secret": b"s", b"/again": b"2"}


@pytest.mark.parametrize("form", [docker, oci])
@pytest.mark.parametrize("inner", PACKERS)
def test_layers_and_whiteouts(shelf, form, inner):
    unpack(shelf, form([PACKERS[inner](LOWER), PACKERS[inner](UPPER)]), "-c")
    tree = shelf.tree()
    assert inside(tree) == UNPACKED.keys() | {b"/.cvmfscatalog"}
    for path, content in UNPACKED.items():
        assert content is None or tree.content(b"/image" + path) == content, path
    rows = tree.entries
    assert rows[b"/image/bin"]["symlink"] == b"usr/bin"
    assert rows[b"/image/becomes-link"]["symlink"] == b"usr"
    assert rows[b"/image/usr/bin/again"]["hardlinks"] >> 32 == rows[b"/image/usr/bin/tool"]["hardlinks"] >> 32
    assert rows[b"/image/secret"]["mode"] & 0o777 == 0o600, "its owner can read it"
    assert b"/image" in tree.catalogs


@pytest.mark.parametrize("outer", PACKERS)
def test_images_however_they_are_compressed(shelf, outer):
    unpack(shelf, PACKERS[outer](docker([LOWER, UPPER])))
    assert inside(shelf.tree()) == set(UNPACKED)


def test_a_second_image_takes_its_own_place(shelf):
    unpack(shelf, docker([tar([file("a")])]), base="images/one")
    unpack(shelf, oci([tar([file("b")])]), base="images/two")
    tree = shelf.tree()
    assert inside(tree, b"/images/one") == {b"/a"} and inside(tree, b"/images/two") == {b"/b"}


def test_a_layer_that_occurs_twice_is_a_link(shelf):
    text = json.dumps(CONFIGURATION).encode()
    manifest = [{"Config": "c.json", "Layers": ["one/layer.tar", "two/layer.tar", "three/layer.tar"]}]
    unpack(shelf, tar([file("one/layer.tar", tar([file("a", b"1")])),
                       file("two/layer.tar", tar([file(".wh.a", b"")])),
                       ("three/layer.tar", LINK, b"../one/layer.tar"), file("c.json", text),
                       file("manifest.json", json.dumps(manifest).encode())]))
    assert shelf.tree().content(b"/image/a") == b"1"


def test_links_of_lower_layers_lead_on(shelf):
    unpack(shelf, docker([
        tar([folder_entry("usr/bin"), ("bin", LINK, b"usr/bin"), ("abs", LINK, b"/usr"), ("out", LINK, b"../../../usr"),
             file("usr/bin/gone"), file("usr/bin/old"), ("loop", LINK, b"loop2"), ("loop2", LINK, b"loop")]),
        tar([file("bin/tool", b"1"), file("abs/x", b"2"), file("out/y", b"3"), file("bin/.wh.gone", b""),
             ("bin/again", HARD, b"bin/old")])]))
    assert inside(shelf.tree()) == {b"/usr", b"/usr/bin", b"/bin", b"/abs", b"/out", b"/usr/bin/tool", b"/usr/x",
                                    b"/usr/y", b"/usr/bin/old", b"/usr/bin/again", b"/loop", b"/loop2"}


def test_links_in_a_circle(shelf):
    assert "links in the image lead in a circle" in unpack(shelf, docker([
        tar([("a", LINK, b"b"), ("b", LINK, b"a")]), tar([file("a/x")])]), code=1)


def test_what_only_attests_is_no_image(shelf):
    layout = Layout()
    image = layout.manifest([tar([file("a")])])
    statement = dict(layout.blob(b"{}", "manifest"), platform={"os": "unknown", "architecture": "unknown"})
    inner = layout.blob(json.dumps({"schemaVersion": 2, "manifests": [image, statement]}).encode(), "index")
    unpack(shelf, layout.tar(inner))
    assert inside(shelf.tree()) == {b"/a"}


def damaged(layers, name):
    layout = Layout()
    manifest = layout.manifest(layers)
    key = digest(layers[-1]) if name == "layer" else manifest["digest"].split(":")[1]
    layout.blobs[key] = layout.blobs[key][:-1] + b"!"
    return layout.tar(manifest)


def without_a_layer():
    layout = Layout()
    manifest = layout.manifest([tar([file("a")])])
    return layout.tar(manifest, skip=[digest(tar([file("a")]))])


def two_images():
    layout = Layout()
    return layout.tar(layout.manifest([tar([file("a")])]), layout.manifest([tar([file("b")])]))


def several():
    return tar([file("manifest.json", json.dumps([{"Config": "c", "Layers": []}] * 2).encode())])


def unconfigured():
    return tar([file("manifest.json", json.dumps([{"Config": "c.json", "Layers": []}]).encode())])


BROKEN = {
    "layer": (lambda: damaged([tar([file("a")]), tar([file("b")])], "layer"),
              "the image is damaged: what should be sha256:"),
    "manifest": (lambda: damaged([tar([file("a")])], "manifest"), "the image is damaged"),
    "missing": (without_a_layer, "a layer of the image is not in the archive: blobs/sha256/"),
    "two": (two_images, "the archive holds 2 images"),
    "several": (several, "the archive holds 2 images"),
    "unconfigured": (unconfigured, "the image's configuration is not in the archive: c.json"),
    "traversal": (lambda: docker([tar([file("../../out")])]), "leads out of it"),
    "cut off": (lambda: docker([tar([file("a")]), gzip.compress(LOWER)[:-20]]), "layer 2 of the image: "),
    "no tar": (lambda: docker([tar([file("a")]), b"no archive at all" * 100]), "layer 2 of the image: "),
    "no list": (lambda: tar([file("manifest.json", b'[{"Config": "c", "Layers": 7}]'), file("c", b"{}")]),
                "no list of layers"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_images_that_are_none(shelf, kind):
    make, words = BROKEN[kind]
    assert words in unpack(shelf, make(), code=1)
    assert shelf.revision() == 1


def test_what_a_runtime_needs(shelf, folder):
    unpack(shelf, docker([tar([("var", LINK, b"elsewhere"), file("etc/hosts", b"own"), file("environment", b"own")])]))
    tree = shelf.tree()
    rows = tree.entries
    assert {b"/image" + path for path in SKELETON} <= rows.keys()
    assert rows[b"/image/singularity"]["symlink"] == b".singularity.d/runscript"
    assert tree.content(b"/image/etc/hosts") == b"own" and tree.content(b"/image/etc/resolv.conf") == b""
    assert tree.content(b"/image/environment") == b"own"
    assert rows[b"/image/var"]["symlink"] == b"elsewhere" and b"/image/var/tmp" not in rows
    for action in ("run", "exec", "test", "shell"):
        assert rows[f"/image/.singularity.d/actions/{action}".encode()]["mode"] & 0o777 == 0o755
        check_syntax(tree.content(f"/image/.singularity.d/actions/{action}".encode()))
    script = folder / "script"
    script.write_bytes(tree.content(b"/image/.singularity.d/runscript"))
    assert run(["sh", script]) == "it's a  b $HOME\n"
    assert run(["sh", script, "one  two"]) == "it's one  two\n"


def test_the_environment_is_the_image_s(shelf, folder):
    unpack(shelf, docker([tar([file("a")])]))
    script = folder / "environment"
    script.write_bytes(shelf.tree().content(b"/image/.singularity.d/env/10-docker2singularity.sh"))
    show = f'. {script}; printf "%s|" "$PATH" "$GREETING" "${{EMPTY-unset}}"; env'
    shown = run(["sh", "-ec", show]).split("|")
    assert shown[:3] == ["/opt/bin:/bin:/usr/bin", 'it\'s "fine" $HOME `id`', ""]
    assert "bad-name" not in shown[3] and "no_value" not in shown[3]
    assert run(["sh", "-ec", show], GREETING="hello").split("|")[1] == "hello"


@pytest.mark.parametrize("settings, arguments, output", [
    ({"Cmd": ["/bin/echo", "c"]}, [], "c\n"), ({"Cmd": ["/bin/echo", "c"]}, ["/bin/echo", "x"], "x\n"),
    ({"Entrypoint": "echo $((1+1))"}, [], "2\n"), ({}, ["/bin/echo", "y"], "y\n"),
    ({"Entrypoint": None, "Cmd": None, "Env": None}, ["/bin/echo", "z"], "z\n"),
])
def test_what_is_run(shelf, folder, settings, arguments, output):
    unpack(shelf, docker([tar([file("a")])], {"config": settings}))
    script = folder / "script"
    script.write_bytes(shelf.tree().content(b"/image/.singularity.d/runscript"))
    assert run(["sh", script, *arguments]) == output


@pytest.mark.parametrize("unpacks", [(), ("--unpack",)])
def test_a_name_of_very_many_components(shelf, unpacks):
    """A short archive must not ask for more memory than there is, or for a deep stack."""
    output = shelf.put([file("a/" * 400000 + "f")], *unpacks, base="x", code=1)
    assert "nested more than" in output


def run(command, **environment):
    return subprocess.run(command, env={"PATH": os.environ["PATH"], "HOME": "/nowhere", **environment},
                          capture_output=True, text=True, check=True).stdout


def check_syntax(script):
    subprocess.run(["sh", "-n"], input=script, check=True)
