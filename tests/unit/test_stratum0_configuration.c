/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of a new repository is read back as it was meant. */
#include <unistd.h>
#include "tests/unit/unit.h"
#include "libreplica/operate/stratum0_configuration.h"
#include "libreplica/publish/publish.h"

static const struct stratum0_configuration example = {
    .fqrn = "a.example.org",
    .user = "publisher",
    .url = "http://localhost/cvmfs/a.example.org",
    .storage = "/data/a",
    .spool = "/var/spool/cvmfs/a.example.org",
    .keys = "/etc/cvmfs/keys",
    .algorithm = HASH_SHAKE128,
    .compression = COMPRESSION_NONE,
    .is_garbage_collectable = true,
};

static void is_read_back(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *confdir = unit_folder(state);
    struct publish_target target;
    struct repository *repository;
    struct error error;

    assert_ok(stratum0_configuration_write(&example, confdir, pool, &error), &error);
    assert_ok(repository_read(&repository, confdir, example.fqrn, settings_create(pool),
                              pool, &error),
              &error);
    assert_int_equal(repository->kind, REPOSITORY_STRATUM0);
    assert_string_equal(repository->storage, "/data/a");
    assert_string_equal(repository->temporary, "/data/a/data/txn");
    assert_string_equal(repository->user, "publisher");
    assert_int_equal(settings_warning_count(repository->settings), 0);
    assert_ok(publish_target_of(&target, repository, example.keys, pool, &error), &error);
    assert_int_equal(target.algorithm, HASH_SHAKE128);
    assert_int_equal(target.compression, COMPRESSION_NONE);
    assert_true(target.is_garbage_collectable && !target.makes_automatic_tags);
    assert_string_equal(target.reflog_checksum,
                        "/var/spool/cvmfs/a.example.org/reflog.chksum");
}

static void leaves_what_is_there(void **state)
{
    const char *confdir = unit_folder(state);
    struct error error;

    assert_ok(stratum0_configuration_write(&example, confdir, unit_pool(state), &error),
              &error);
    assert_false(
        stratum0_configuration_write(&example, confdir, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_EXISTS);
}

static void refuses_what_a_shell_would_read_otherwise(void **state)
{
    static const char *const bad[] = {"", "/with space", "$(x)", "/a'b", "a\nb", "a,b"};
    const char *confdir = unit_folder(state);
    struct error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct stratum0_configuration configuration = example;

        configuration.storage = bad[i];
        assert_false(stratum0_configuration_write(&configuration, confdir,
                                                  unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_USAGE);
    }
}

static const struct CMUnitTest stratum0_configuration_tests[] = {
    UNIT_TEST(is_read_back),
    UNIT_TEST(leaves_what_is_there),
    UNIT_TEST(refuses_what_a_shell_would_read_otherwise),
};

UNIT_MAIN(stratum0_configuration_tests)
