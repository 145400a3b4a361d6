# SPDX-License-Identifier: Apache-2.0
"""Who is asking, and httpd's own rules about it."""

import pytest

from servers import wait_until

LOCAL_ONLY = "<Location /cvmfs>\nRequire local\n</Location>"
FROM_192_0_2 = "<Location /cvmfs>\nRequire ip 192.0.2.0/24\n</Location>"


@pytest.fixture
def manifest(repository):
    return repository.write(".cvmfspublished", b"manifest")


def status(httpd, path, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpd.fetch(path, headers=names).status


def test_require_in_a_location(repository, manifest, start_httpd):
    httpd = start_httpd(f"<Location {repository.url}/data>\nRequire all denied\n</Location>")
    path = repository.add_object(b"protected")
    assert httpd.fetch(manifest).status == 200
    assert httpd.fetch(f"{repository.url}/{path}").status == 403
    # What is not there is not told to strangers either.
    assert httpd.fetch(f"{repository.url}/data/00/{'1' * 38}").status == 403


def test_a_password_in_a_location(folder, manifest, start_httpd):
    (folder / "passwords").write_text("me:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n")
    httpd = start_httpd(
        f"<Location /cvmfs>\nAuthType Basic\nAuthName x\nAuthUserFile {folder}/passwords\n"
        "Require valid-user\n</Location>",
        modules=["authn_core", "authn_file", "auth_basic", "authz_user"])
    assert httpd.fetch(manifest).status == 401
    assert status(httpd, manifest, Authorization="Basic bWU6dGVzdA==") == 200


def test_local_is_who_comes_without_a_proxy(manifest, start_httpd):
    httpd = start_httpd(LOCAL_ONLY)
    assert status(httpd, manifest) == 200
    assert status(httpd, manifest, X_Forwarded_For="192.0.2.7") == 403
    assert status(httpd, manifest, Via="1.1 squid") == 403


@pytest.mark.parametrize("forwarded", ["127.0.0.1", "::1", "127.0.0.1, 127.0.0.1", "", ",",
                                       "unknown", "192.0.2.7, 127.0.0.1", "localhost",
                                       "0", "::ffff:127.0.0.1", "127.0.0.1:80", "[::1]",
                                       "127.0.0.1, unknown"])
def test_nothing_forwarded_is_local(manifest, start_httpd, forwarded):
    httpd = start_httpd(LOCAL_ONLY)
    assert status(httpd, manifest, X_Forwarded_For=forwarded) == 403


def test_the_last_untrusted_element_counts(manifest, start_httpd):
    httpd = start_httpd(FROM_192_0_2)
    assert status(httpd, manifest) == 403
    assert status(httpd, manifest, X_Forwarded_For="192.0.2.7") == 200
    assert status(httpd, manifest, X_Forwarded_For="192.0.2.7, 127.0.0.1") == 200
    assert status(httpd, manifest, X_Forwarded_For="198.51.100.1 , 192.0.2.7") == 200
    assert status(httpd, manifest, X_Forwarded_For="192.0.2.7, 198.51.100.1") == 403
    assert status(httpd, manifest, X_Forwarded_For="192.0.2.7, unknown") == 403


def test_a_stranger_is_not_believed(tree, manifest, start_httpd):
    tree.configure_server(REPLICA_TRUSTED_PROXIES="198.51.100.0/24")
    httpd = start_httpd(FROM_192_0_2)
    assert status(httpd, manifest, X_Forwarded_For="192.0.2.7") == 403


def test_the_access_log_shows_the_effective_client(manifest, start_httpd):
    httpd = start_httpd()
    for forwarded in ("192.0.2.7", "2001:db8::7", "127.0.0.1"):
        assert status(httpd, manifest, X_Forwarded_For=forwarded) == 200
    wait_until(lambda: len(httpd.access_lines()) == 3, "all requests are logged")
    assert sorted(line.split()[0] for line in httpd.access_lines()) == [
        "0.0.0.0", "192.0.2.7", "2001:db8::7"]


def test_remoteip_may_have_found_the_client_before(manifest, start_httpd):
    httpd = start_httpd("RemoteIPHeader X-Client\nRemoteIPInternalProxy 127.0.0.1\n"
                        + FROM_192_0_2, modules=["remoteip"])
    assert status(httpd, manifest, X_Client="192.0.2.7") == 200
    assert status(httpd, manifest, X_Client="192.0.2.7", Via="1.1 squid") == 200


def test_servers_without_the_directive_are_left_alone(tree, manifest, start_httpd, folder):
    (folder / "docs").mkdir()
    (folder / "docs/file").write_text("other")
    httpd = start_httpd(
        f"<VirtualHost *>\nServerName ours\n</VirtualHost>\n"
        f"<VirtualHost *>\nServerName theirs\nDocumentRoot {folder}/docs\n</VirtualHost>")
    assert httpd.fetch("/file", headers={"Host": "theirs"}).body == b"other"
    assert httpd.fetch(manifest, headers={"Host": "ours"}).status == 200
