/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: the reference's files as they stand, and errors with file, line and reason.
 */
#include "tests/unit/unit.h"
#include "libreplica/base/settings.h"

static bool parse(void **state, struct settings **settings, const char *text,
                  struct error *error)
{
    *settings = settings_create(unit_pool(state));
    return settings_parse(*settings, SETTING_SCOPE_REPOSITORY, "f", text_of(text), error);
}

static void every_default_is_valid(void **state)
{
    const char *text;
    int64_t number;

    for (int id = 0; id < SETTING_COUNT; id++) {
        struct error error;

        assert_ok(setting_check(&text, &number, &setting_table[id],
                                setting_table[id].fallback, &error),
                  &error);
        assert_true(strlen(setting_table[id].sentence) > 0);
    }
}

static void reads_what_the_reference_writes(void **state)
{
    static const char file[] =
        "# created by the tool\n"
        "CVMFS_CREATOR_VERSION=143\n"
        "CVMFS_REPOSITORY_NAME=sw.example.net\n"
        "CVMFS_STRATUM0=\"http://origin.example.net/cvmfs/sw\"  # why\n"
        "CVMFS_AUTO_GC_TIMESPAN='7 days ago'\n"
        "CVMFS_PUBLIC_KEY=/etc/cvmfs/keys/a'b c'\\ d\n"
        "export CVMFS_HTTP_TIMEOUT=20\n"
        "CVMFS_AUTO_GC=true\n"
        "CVMFS_SOMETHING_NEW=$(date)\n"
        "REPLICA_ORIGIN_BANDWIDTH=2M";
    struct settings *s;
    struct error error;

    assert_ok(parse(state, &s, file, &error), &error);
    assert_string_equal(settings_text(s, SETTING_REPOSITORY_NAME), "sw.example.net");
    assert_string_equal(settings_text(s, SETTING_STRATUM0),
                        "http://origin.example.net/cvmfs/sw");
    assert_string_equal(settings_text(s, SETTING_AUTO_GC_TIMESPAN), "7 days ago");
    assert_string_equal(settings_text(s, SETTING_PUBLIC_KEY), "/etc/cvmfs/keys/ab c d");
    assert_int_equal(settings_number(s, SETTING_HTTP_TIMEOUT), 20);
    assert_true(settings_boolean(s, SETTING_AUTO_GC));
    assert_int_equal(settings_number(s, SETTING_ORIGIN_BANDWIDTH), 2 << 20);
    assert_true(settings_is_set(s, SETTING_AUTO_GC));
    assert_false(settings_is_set(s, SETTING_NUM_WORKERS));
    assert_int_equal(settings_number(s, SETTING_NUM_WORKERS), 16);
    assert_int_equal(settings_warning_count(s), 0);
}

static void warns_of_shell_and_refuses_it_where_it_counts(void **state)
{
    struct settings *s;
    struct error error;

    assert_ok(parse(state, &s, "if true; then\n  A=1\nfi\nset -e\n", &error), &error);
    assert_int_equal(settings_warning_count(s), 3);
    assert_non_null(strstr(settings_warning(s, 0), "f:1: passed over"));
    assert_false(parse(state, &s, "\n[ -f x ] && CVMFS_USER=root\n", &error));
    assert_non_null(strstr(error.message, "f:2: CVMFS_USER is assigned inside a shell"));
    assert_false(parse(state, &s, "CVMFS_USER=$USER\n", &error));
    assert_non_null(strstr(error.message, "f:1: the value of CVMFS_USER needs a shell"));
    assert_false(parse(state, &s, "CVMFS_USER=a; rm x\n", &error));
    assert_false(parse(state, &s, "CVMFS_USER=\"a\n", &error));
    assert_false(parse(state, &s, "A=1 CVMFS_USER=b cmd\n", &error));
    assert_false(parse(state, &s, "CVMFS_USER+=b\n", &error));
}

static void names_file_line_and_reason(void **state)
{
    static const struct {
        const char *line, *message;
    } cases[] = {
        {"CVMFS_HTTP_RETRIES=many", "f:2: CVMFS_HTTP_RETRIES: 'many' is not a number"},
        {"CVMFS_HTTP_RETRIES=101", "f:2: CVMFS_HTTP_RETRIES: 101 is outside 0..100"},
        {"CVMFS_AUTO_GC=maybe", "f:2: CVMFS_AUTO_GC: 'maybe' is neither yes nor no"},
        {"CVMFS_SPOOL_DIR=spool",
         "f:2: CVMFS_SPOOL_DIR: 'spool' is not an absolute path"},
        {"REPLICA_TYPO=1", "f:2: there is no setting REPLICA_TYPO"},
        {"REPLICA_STORAGE_DIR=/x", "f:2: REPLICA_STORAGE_DIR is a setting of the server"},
        {"REPLICA_ORIGIN_BANDWIDTH=9223372036854775807T", "is not a number"},
    };
    struct settings *s;
    struct error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = apr_pstrcat(unit_pool(state), "\n", cases[i].line, "\n", NULL);

        assert_false(parse(state, &s, text, &error));
        assert_int_equal(error.code, ERROR_SETTING);
        if (strstr(error.message, cases[i].message) == NULL)
            fail_msg("'%s' gave '%s'", cases[i].line, error.message);
    }
}

static void reads_files_and_misses_them(void **state)
{
    struct settings *s = settings_create(unit_pool(state)), *copy;
    const char *path = apr_pstrcat(unit_pool(state), unit_folder(state), "/x.conf", NULL);
    struct error error;
    FILE *file;

    assert_true(settings_read(s, SETTING_SCOPE_SERVER, path, false, &error));
    assert_false(settings_read(s, SETTING_SCOPE_SERVER, path, true, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    file = fopen(path, "w");
    fputs("REPLICA_STORAGE_DIR=/big\nREPLICA_SNAPSHOT_INTERVAL=10m\n", file);
    fclose(file);
    assert_ok(settings_read(s, SETTING_SCOPE_SERVER, path, true, &error), &error);
    copy = settings_copy(s, unit_pool(state));
    assert_string_equal(settings_text(copy, SETTING_STORAGE_DIR), "/big");
    assert_int_equal(settings_number(copy, SETTING_SNAPSHOT_INTERVAL), 600);
}

static void discards_secrets_and_overwrites_their_bytes(void **state)
{
    struct settings *s = settings_create(unit_pool(state));
    struct error error;
    const char *first, *second;

    assert_ok(settings_parse(s, SETTING_SCOPE_SERVER, "f",
                             text_of("CVMFS_GEO_LICENSE_KEY=old\n"), &error),
              &error);
    first = settings_text(s, SETTING_GEO_LICENSE_KEY);
    assert_ok(settings_parse(s, SETTING_SCOPE_SERVER, "f",
                             text_of("CVMFS_GEO_ACCOUNT_ID=42\n"
                                     "CVMFS_GEO_LICENSE_KEY='se cret'\n"),
                             &error),
              &error);
    second = settings_text(s, SETTING_GEO_LICENSE_KEY);
    assert_string_equal(first, "");
    assert_string_equal(second, "se cret");
    settings_discard_secrets(s);
    assert_memory_equal(second, "\0\0\0\0\0\0\0", 7);
    assert_string_equal(settings_text(s, SETTING_GEO_LICENSE_KEY), "");
    assert_false(settings_is_set(s, SETTING_GEO_LICENSE_KEY));
    assert_string_equal(settings_text(s, SETTING_GEO_ACCOUNT_ID), "42");
    settings_discard_secrets(s);
    assert_false(settings_parse(s, SETTING_SCOPE_SERVER, "f",
                                text_of("CVMFS_GEO_LICENSE_KEY=hidden; true\n"), &error));
    assert_null(strstr(error.message, "hidden"));
}

static void finds_values_of_files_that_are_not_ours(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    struct text text = text_of("# CVMFS_A=no\nCVMFS_A=first\n if x; then CVMFS_A=no; fi\n"
                               "export CVMFS_A='http://a;http://b' # why\nREPLICA_X=1\n"
                               "CVMFS_B=$C\nCVMFS_D=last");

    assert_string_equal(settings_find_value(text, "CVMFS_A", pool), "http://a;http://b");
    assert_string_equal(settings_find_value(text, "CVMFS_D", pool), "last");
    assert_null(settings_find_value(text, "CVMFS_B", pool));
    assert_null(settings_find_value(text, "CVMFS", pool));
}

static const struct CMUnitTest settings_tests[] = {
    UNIT_TEST(every_default_is_valid),
    UNIT_TEST(reads_what_the_reference_writes),
    UNIT_TEST(warns_of_shell_and_refuses_it_where_it_counts),
    UNIT_TEST(names_file_line_and_reason),
    UNIT_TEST(reads_files_and_misses_them),
    UNIT_TEST(finds_values_of_files_that_are_not_ours),
    UNIT_TEST(discards_secrets_and_overwrites_their_bytes),
};

UNIT_MAIN(settings_tests)
