/* SPDX-License-Identifier: Apache-2.0 */
/* Repository configuration: the reference's layout, defaults, and what is refused. */
#include "tests/unit/unit.h"
#include "libreplica/store/repository.h"

#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

/* A configuration directory with the repository "alias"; REPLICA_CONF may be NULL. */
static const char *make_confdir(void **state, const char *server_conf,
                                const char *replica_conf)
{
    const char *confdir = unit_folder(state);
    const char *folder = apr_pstrcat(unit_pool(state), confdir, "/repositories.d", NULL);

    assert_int_equal(mkdir(folder, 0755), 0);
    folder = apr_pstrcat(unit_pool(state), folder, "/alias", NULL);
    assert_int_equal(mkdir(folder, 0755), 0);
    write_file(apr_pstrcat(unit_pool(state), folder, "/server.conf", NULL), server_conf);
    if (replica_conf != NULL)
        write_file(apr_pstrcat(unit_pool(state), folder, "/replica.conf", NULL),
                   replica_conf);
    return confdir;
}

static bool read_alias(struct repository **repository, const char *confdir, void **state,
                       struct error *error)
{
    struct settings *server;

    assert_ok(server_settings_read(&server, confdir, false, unit_pool(state), error),
              error);
    return repository_read(repository, confdir, "alias", server, unit_pool(state), error);
}

static void reads_what_the_reference_writes(void **state)
{
    const char *confdir =
        make_confdir(state,
                     "CVMFS_CREATOR_VERSION=143\nCVMFS_REPOSITORY_NAME=sw.example.net\n"
                     "CVMFS_USER=shared\nCVMFS_SPOOL_DIR=/spool/sw\n"
                     "CVMFS_UPSTREAM_STORAGE=local,/s/sw/data/txn,/s/sw/\n",
                     "CVMFS_NUM_WORKERS=4\nCVMFS_HTTP_TIMEOUT=7\n");
    struct repository *repository;
    struct error error;

    assert_ok(read_alias(&repository, confdir, state, &error), &error);
    assert_string_equal(repository->local_name, "alias");
    assert_string_equal(repository->fqrn, "sw.example.net");
    assert_int_equal(repository->kind, REPOSITORY_STRATUM1);
    assert_string_equal(repository->storage, "/s/sw");
    assert_string_equal(repository->temporary, "/s/sw/data/txn");
    assert_string_equal(repository->spool, "/spool/sw");
    assert_string_equal(repository->user, "shared");
    assert_int_equal(settings_number(repository->settings, SETTING_NUM_WORKERS), 4);
    assert_string_equal(repository_update_lock(repository, unit_pool(state)),
                        "/spool/sw/is_updating.lock");
    assert_string_equal(repository_collect_lock(repository, unit_pool(state)),
                        "/spool/sw/is_collecting.lock");
    assert_string_equal(repository_reflog_checksum_file(repository, unit_pool(state)),
                        "/spool/sw/reflog.chksum");
}

static void has_the_defaults_of_the_reference(void **state)
{
    const char *confdir = make_confdir(state, "", NULL);
    struct repository *repository;
    struct error error;

    assert_ok(read_alias(&repository, confdir, state, &error), &error);
    assert_string_equal(repository->fqrn, "alias");
    assert_int_equal(repository->kind, REPOSITORY_STRATUM0);
    assert_string_equal(repository->storage, "/srv/cvmfs/alias");
    assert_string_equal(repository->temporary, "/srv/cvmfs/alias/data/txn");
    assert_string_equal(repository->spool, "/var/spool/cvmfs/alias");
    assert_string_equal(repository->user, "");
}

static void takes_defaults_from_the_server(void **state)
{
    const char *confdir = make_confdir(state, "", "");
    struct repository *repository;
    struct error error;

    write_file(apr_pstrcat(unit_pool(state), confdir, "/server.local", NULL),
               "REPLICA_STORAGE_DIR=/a\nCVMFS_NUM_WORKERS=2\n");
    write_file(apr_pstrcat(unit_pool(state), confdir, "/replica.local", NULL),
               "REPLICA_SPOOL_DIR=/b\n");
    assert_ok(read_alias(&repository, confdir, state, &error), &error);
    assert_string_equal(repository->storage, "/a/alias");
    assert_string_equal(repository->spool, "/b/alias");
    assert_int_equal(settings_number(repository->settings, SETTING_NUM_WORKERS), 2);
}

static void needs_no_storage_to_pass_through(void **state)
{
    const char *confdir =
        make_confdir(state, "CVMFS_UPSTREAM_STORAGE=local,/s/sw/data/txn,/s/sw\n",
                     "CVMFS_PASSTHROUGH=true\n");
    struct repository *repository;
    struct error error;

    assert_ok(read_alias(&repository, confdir, state, &error), &error);
    assert_string_equal(repository->storage, "");
}

static void refuses_storage_it_does_not_know(void **state)
{
    static const struct {
        const char *line;
        enum error_code code;
    } bad[] = {
        {"CVMFS_UPSTREAM_STORAGE=S3,/tmp,/etc/s3.conf\n", ERROR_UNSUPPORTED},
        {"CVMFS_UPSTREAM_STORAGE=gw,/tmp,http://gateway/\n", ERROR_UNSUPPORTED},
        {"CVMFS_UPSTREAM_STORAGE=local,/tmp\n", ERROR_SETTING},
        {"CVMFS_UPSTREAM_STORAGE=local,/tmp,/a,/b\n", ERROR_SETTING},
        {"CVMFS_UPSTREAM_STORAGE=local,tmp,/a\n", ERROR_SETTING},
        {"CVMFS_UPSTREAM_STORAGE=local,/tmp,a\n", ERROR_SETTING},
        {"CVMFS_UPSTREAM_STORAGE=local,/tmp,\n", ERROR_SETTING},
        {"CVMFS_HTTP_TIMEOUT=soon\n", ERROR_SETTING},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *confdir = make_confdir(state, bad[i].line, "");
        struct repository *repository;
        struct error error;

        if (read_alias(&repository, confdir, state, &error))
            fail_msg("accepted %s", bad[i].line);
        assert_int_equal(error.code, bad[i].code);
        assert_non_null(strstr(error.message, "alias"));
    }
}

static void finds_the_tree_in_spite_of_a_bad_value(void **state)
{
    const char *confdir =
        make_confdir(state,
                     "CVMFS_HTTP_TIMEOUT=soon\n"
                     "CVMFS_UPSTREAM_STORAGE=local,/s/sw/data/txn,/s/sw\nif true; then",
                     "CVMFS_NUM_WORKERS=none\n");
    struct settings *server = settings_create(unit_pool(state));
    const char *storage;

    assert_true(
        repository_read_storage(&storage, confdir, "alias", server, unit_pool(state)));
    assert_string_equal(storage, "/s/sw");
    assert_false(
        repository_read_storage(&storage, confdir, "other", server, unit_pool(state)));
    confdir = make_confdir(state, "CVMFS_UPSTREAM_STORAGE=local,/s/sw\n", "");
    assert_false(
        repository_read_storage(&storage, confdir, "alias", server, unit_pool(state)));
}

static void reads_what_can_be_read_of_a_bad_configuration(void **state)
{
    const char *confdir =
        make_confdir(state,
                     "CVMFS_REPOSITORY_NAME=sw.example.net\nCVMFS_USER=$(whoami)\n"
                     "CVMFS_UPSTREAM_STORAGE=S3,/tmp,bucket\nCVMFS_SPOOL_DIR=/spool/sw\n",
                     "CVMFS_NUM_WORKERS=many\nCVMFS_PASSTHROUGH=no\n");
    struct repository *repository;
    struct settings *server;
    const char *problem;
    struct error error;

    assert_ok(server_settings_read(&server, confdir, false, unit_pool(state), &error),
              &error);
    assert_ok(repository_read_leniently(&repository, &problem, confdir, "alias", server,
                                        unit_pool(state), &error),
              &error);
    assert_non_null(strstr(problem, "server.conf:2"));
    assert_string_equal(repository->fqrn, "sw.example.net");
    assert_string_equal(repository->spool, "/spool/sw");
    assert_string_equal(repository->storage, "");
    assert_string_equal(repository->user, "");
    assert_int_equal(repository->kind, REPOSITORY_STRATUM1);
    assert_false(repository_read_leniently(&repository, &problem, confdir, "other",
                                           server, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void takes_upstream_triples_apart(void **state)
{
    const char *temporary, *storage;
    const char *usual = repository_format_upstream("/srv/a", unit_pool(state));
    struct error error;

    assert_ok(
        repository_parse_upstream(&temporary, &storage, usual, unit_pool(state), &error),
        &error);
    assert_string_equal(storage, "/srv/a");
    assert_string_equal(temporary, "/srv/a/data/txn");
    assert_false(repository_parse_upstream(&temporary, &storage, "local,/a",
                                           unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_SETTING);
    assert_false(repository_parse_upstream(&temporary, &storage, "gw,/a,http://b",
                                           unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_UNSUPPORTED);
}

static void says_which_repository_is_missing(void **state)
{
    const char *confdir = unit_folder(state);
    struct repository *repository;
    struct settings *server;
    struct error error;

    assert_false(read_alias(&repository, confdir, state, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(error.message, "alias"));
    assert_ok(server_settings_read(&server, confdir, false, unit_pool(state), &error),
              &error);
    assert_false(repository_read(&repository, confdir, "../alias", server,
                                 unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void lists_what_is_configured_in_order(void **state)
{
    const char *confdir = make_confdir(state, "", "");
    const char *folder = apr_pstrcat(unit_pool(state), confdir, "/repositories.d/", NULL);
    apr_array_header_t *names;
    struct error error;

    mkdir(apr_pstrcat(unit_pool(state), folder, "aaa", NULL), 0755);
    write_file(apr_pstrcat(unit_pool(state), folder, "aaa/server.conf", NULL), "");
    mkdir(apr_pstrcat(unit_pool(state), folder, "empty", NULL), 0755);
    mkdir(apr_pstrcat(unit_pool(state), folder, ".hidden", NULL), 0755);
    assert_ok(repository_names(&names, confdir, unit_pool(state), &error), &error);
    assert_int_equal(names->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(names, 0, const char *), "aaa");
    assert_string_equal(APR_ARRAY_IDX(names, 1, const char *), "alias");
    assert_ok(repository_names(&names, "/nonexistent", unit_pool(state), &error), &error);
    assert_int_equal(names->nelts, 0);
}

static void reads_secrets_only_where_it_may(void **state)
{
    const char *confdir = unit_folder(state);
    const char *path = apr_pstrcat(unit_pool(state), confdir, "/server.local", NULL);
    struct settings *settings;
    struct error error;

    if (geteuid() == 0) {
        /* Root may read everything; a folder in the file's place cannot be read either,
         * but that is an error for everybody. */
        mkdir(path, 0755);
        assert_false(
            server_settings_read(&settings, confdir, false, unit_pool(state), &error));
        return;
    }
    write_file(path, "REPLICA_CORS=yes\n");
    chmod(path, 0);
    assert_ok(server_settings_read(&settings, confdir, false, unit_pool(state), &error),
              &error);
    assert_false(settings_boolean(settings, SETTING_CORS));
    assert_false(
        server_settings_read(&settings, confdir, true, unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_PERMISSION);
}

static void names_the_origin_before_other_upstreams(void **state)
{
    const char *confdir =
        make_confdir(state,
                     "CVMFS_REPOSITORY_NAME=sw.example.net\n"
                     "CVMFS_STRATUM0=http://zero.example.net/cvmfs/sw.example.net/\n"
                     "CVMFS_UPSTREAM_STORAGE=local,/s/sw/data/txn,/s/sw/\n",
                     "REPLICA_UPSTREAMS=' http://one.example.net/x//  http://two/y'\n");
    struct repository *repository;
    apr_array_header_t *urls;
    struct error error;

    assert_ok(read_alias(&repository, confdir, state, &error), &error);
    urls = repository_upstream_urls(repository, unit_pool(state));
    assert_int_equal(urls->nelts, 3);
    assert_string_equal(APR_ARRAY_IDX(urls, 0, const char *),
                        "http://zero.example.net/cvmfs/sw.example.net");
    assert_string_equal(APR_ARRAY_IDX(urls, 1, const char *), "http://one.example.net/x");
    assert_string_equal(APR_ARRAY_IDX(urls, 2, const char *), "http://two/y");
}

static const struct CMUnitTest repository_tests[] = {
    UNIT_TEST(reads_what_the_reference_writes),
    UNIT_TEST(has_the_defaults_of_the_reference),
    UNIT_TEST(takes_defaults_from_the_server),
    UNIT_TEST(needs_no_storage_to_pass_through),
    UNIT_TEST(refuses_storage_it_does_not_know),
    UNIT_TEST(finds_the_tree_in_spite_of_a_bad_value),
    UNIT_TEST(reads_what_can_be_read_of_a_bad_configuration),
    UNIT_TEST(takes_upstream_triples_apart),
    UNIT_TEST(says_which_repository_is_missing),
    UNIT_TEST(lists_what_is_configured_in_order),
    UNIT_TEST(reads_secrets_only_where_it_may),
    UNIT_TEST(names_the_origin_before_other_upstreams),
};

UNIT_MAIN(repository_tests)
