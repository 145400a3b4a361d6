/* SPDX-License-Identifier: Apache-2.0 */
/* Publishing through the public functions; what comes out is checked by other tools in
 * the integration tests. */
#include <unistd.h>
#include "tests/unit/unit.h"
#include "libreplica/format/manifest.h"
#include "libreplica/publish/publish.h"
#include "libreplica/publish/whitelists.h"
#include "libreplica/store/file.h"

#define NOW apr_time_from_sec(1700000000)

static struct publish_target target_in(const char *folder, apr_pool_t *pool)
{
    struct publish_target target;

    publish_target_default(&target, "a.example.org",
                           apr_pstrcat(pool, folder, "/srv/a", NULL),
                           apr_pstrcat(pool, folder, "/spool/a", NULL),
                           apr_pstrcat(pool, folder, "/keys", NULL), pool);
    target.workers = 2;
    return target;
}

static struct publish_target created(const char **folder, void **state)
{
    struct publish_beginning beginning = {.metainfo = "{}", .is_not_replicable = true};
    struct publish_target target;
    struct error error;

    *folder = unit_folder(state);
    target = target_in(*folder, unit_pool(state));
    assert_ok(publish_create_keys(&target, NOW, unit_pool(state), &error), &error);
    assert_ok(
        publish_create_repository(&target, &beginning, NOW, unit_pool(state), &error),
        &error);
    return target;
}

static const char *read_text(const char *folder, const char *name, apr_pool_t *pool)
{
    struct text text;
    struct error error;

    assert_ok(
        file_read(&text, apr_pstrcat(pool, folder, name, NULL), 100000, pool, &error),
        &error);
    return apr_pstrmemdup(pool, text.bytes, text.length);
}

static void makes_only_the_keys_that_are_missing(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *folder = unit_folder(state), *key, *public;
    struct publish_target target = target_in(folder, pool);
    struct error error;

    assert_ok(publish_create_keys(&target, NOW, pool, &error), &error);
    key = read_text(folder, "/keys/a.example.org.masterkey", pool);
    public = read_text(folder, "/keys/a.example.org.pub", pool);
    unlink(apr_pstrcat(pool, folder, "/keys/a.example.org.pub", NULL));
    assert_ok(publish_create_keys(&target, NOW, pool, &error), &error);
    assert_string_equal(read_text(folder, "/keys/a.example.org.masterkey", pool), key);
    assert_string_equal(read_text(folder, "/keys/a.example.org.pub", pool), public);
}

static void refuses_a_certificate_of_another_key(void **state)
{
    struct publish_result result;
    struct publish_target target;
    const char *folder, *key;
    struct error error;

    target = created(&folder, state);
    key = apr_pstrcat(unit_pool(state), folder, "/keys/a.example.org.key", NULL);
    unlink(key);
    assert_ok(publish_create_keys(&target, NOW, unit_pool(state), &error), &error);
    assert_false(
        publish_directory(&result, &target, folder, NOW, NULL, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_SIGNATURE);
    assert_non_null(strstr(error.message, "does not belong to the key"));
}

static void stops_on_request_and_leaves_the_old_revision(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const volatile int stop = 1;
    struct publish_result result;
    struct publish_target target;
    const char *folder, *before;
    struct error error;

    target = created(&folder, state);
    before = read_text(folder, "/srv/a/" MANIFEST_NAME, pool);
    assert_false(publish_directory(&result, &target, folder, NOW, &stop, pool, &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
    assert_string_equal(read_text(folder, "/srv/a/" MANIFEST_NAME, pool), before);
    assert_ok(publish_directory(&result, &target,
                                apr_pstrcat(pool, folder, "/spool", NULL), NOW, NULL,
                                pool, &error),
              &error);
    assert_int_equal(result.revision, 2);
    assert_int_equal(result.catalogs, 1);
    assert_int_equal(result.entries, 4); /* the reflog checksum, the compressor, ... */
}

static void signs_a_new_whitelist(void **state)
{
    struct whitelist_terms terms = {.days = 7};
    apr_pool_t *pool = unit_pool(state);
    struct publish_target target;
    const char *folder;
    struct error error;

    target = created(&folder, state);
    assert_int_equal(strncmp(read_text(folder, "/srv/a/.cvmfswhitelist", pool),
                             "20231114221320\nE20231214221320\nNa.example.org\n", 46),
                     0);
    assert_ok(publish_sign_whitelist(&target, &terms, NOW, pool, &error), &error);
    assert_int_equal(strncmp(read_text(folder, "/srv/a/.cvmfswhitelist", pool),
                             "20231114221320\nE20231121221320\nNa.example.org\n", 46),
                     0);
}

static bool read_target(struct publish_target *target, const char *lines, void **state,
                        struct error *error)
{
    apr_pool_t *pool = unit_pool(state);
    const char *folder = unit_folder(state);
    const char *path = apr_pstrcat(pool, folder, "/repositories.d/a.example.org", NULL);
    struct repository *repository;

    assert_ok(file_make_directory(path, 0777, pool, error), error);
    assert_ok(file_write(apr_pstrcat(pool, path, "/server.conf", NULL),
                         text_of(apr_pstrcat(pool, "CVMFS_REPOSITORY_TYPE=stratum0\n",
                                             lines, NULL)),
                         0644, error),
              error);
    assert_ok(repository_read(&repository, folder, "a.example.org", settings_create(pool),
                              pool, error),
              error);
    return publish_target_of(target, repository, "/keys", pool, error);
}

static void takes_a_repositorys_settings(void **state)
{
    struct publish_target target;
    struct error error;

    assert_ok(read_target(&target,
                          "CVMFS_HASH_ALGORITHM=shake128\n"
                          "CVMFS_COMPRESSION_ALGORITHM=none\nCVMFS_AUTO_TAG=false\n"
                          "CVMFS_GARBAGE_COLLECTION=true\nCVMFS_REPOSITORY_TTL=61\n"
                          "CVMFS_SYNCFS_LEVEL=none\nCVMFS_INCLUDE_XATTRS=true\n",
                          state, &error),
              &error);
    assert_int_equal(target.algorithm, HASH_SHAKE128);
    assert_int_equal(target.compression, COMPRESSION_NONE);
    assert_true(target.is_garbage_collectable && !target.makes_automatic_tags);
    assert_true(target.skips_barriers && target.includes_xattrs && target.chunks_files);
    assert_int_equal(target.ttl_seconds, 61);
    assert_int_equal(target.maximum_chunk, 16777216);
    assert_string_equal(target.storage, "/srv/cvmfs/a.example.org");
    assert_false(read_target(&target, "CVMFS_HASH_ALGORITHM=md5\n", state, &error));
    assert_int_equal(error.code, ERROR_SETTING);
    assert_false(
        read_target(&target, "CVMFS_COMPRESSION_ALGORITHM=lz4\n", state, &error));
    assert_false(read_target(&target, "CVMFS_MIN_CHUNK_SIZE=9000000\n", state, &error));
    assert_int_equal(error.code, ERROR_SETTING);
}

static const struct CMUnitTest publish_tests[] = {
    UNIT_TEST(makes_only_the_keys_that_are_missing),
    UNIT_TEST(refuses_a_certificate_of_another_key),
    UNIT_TEST(stops_on_request_and_leaves_the_old_revision),
    UNIT_TEST(signs_a_new_whitelist),
    UNIT_TEST(takes_a_repositorys_settings),
};

UNIT_MAIN(publish_tests)
