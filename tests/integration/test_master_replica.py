# SPDX-License-Identifier: Apache-2.0
"""Whether others may replicate from here."""

import pytest

from checks import (assert_head_equals_get, assert_missing, assert_read_only, assert_served,
                    assert_unconditional)
from servers import wait_until


def test_an_empty_marker_is_there_with_length_0(httpd, repository):
    path = repository.url + "/.cvmfs_master_replica"
    assert_missing(httpd.fetch(path))
    assert_head_equals_get(httpd, path)
    repository.write(".cvmfs_master_replica", b"")
    assert_served(httpd.fetch(path), b"", "application/x-cvmfs", 61)
    assert_head_equals_get(httpd, path)
    assert_read_only(httpd, path)
    assert_unconditional(httpd, path, b"")
    wait_until(lambda: httpd.access_lines()[-1].split()[2] == "master-replica", "it is logged")


@pytest.mark.parametrize("name", [".cvmfs_partial_replica", ".cvmfs_partial_replication",
                                  ".replica_rules_change"])
def test_nobody_may_replicate_a_partial_replica(httpd, repository, name):
    path = repository.write(".cvmfs_master_replica", b"")
    assert_served(httpd.fetch(path), b"", "application/x-cvmfs", 61)
    repository.write(name, b"version 1\n")
    assert_missing(httpd.fetch(path))
    (repository.root / name).unlink()
    assert_served(httpd.fetch(path), b"", "application/x-cvmfs", 61)
