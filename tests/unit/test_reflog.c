/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog: entries, their time stamps, and files of others. */
#include "tests/unit/unit.h"
#include <sys/stat.h>
#include <unistd.h>
#include "libreplica/format/reflog.h"
#include "tests/unit/database_maker.h"

#define DIGITS "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
#define BASE                                                                             \
    MAKER_PROPERTIES                                                                     \
    "INSERT INTO properties VALUES ('schema', '1.0'), ('fqrn', 'a.b');"                  \
    "CREATE TABLE refs (hash TEXT PRIMARY KEY, type INTEGER, timestamp INTEGER);"

static struct object object_of(const char *name)
{
    struct object object;

    assert_true(object_parse_name(&object, text_of(name)));
    return object;
}

static bool collect(void *baton, const struct object *object, int64_t timestamp_seconds,
                    struct error *error)
{
    char **end = baton, name[OBJECT_NAME_SIZE];

    *end +=
        sprintf(*end, "%s:%d ", object_name(name, object) + 36, (int)timestamp_seconds);
    return true;
}

static const char *entries(void **state, struct reflog *reflog)
{
    char *all = apr_pcalloc(unit_pool(state), 1000), *end = all;
    struct error error;

    assert_ok(reflog_each(reflog, collect, &end, &error), &error);
    return all;
}

static void keeps_what_is_entered(void **state)
{
    static const char *const names[] = {DIGITS "C", DIGITS "-rmd160X",
                                        DIGITS "-shake128H"};
    const char *path = apr_pstrcat(unit_pool(state), unit_folder(state), "/r", NULL);
    struct object object;
    struct reflog *reflog;
    struct error error;
    bool found;

    assert_ok(reflog_open(&reflog, path, "a.b", true, unit_pool(state), &error), &error);
    for (int i = 0; i < 3; i++) {
        object = object_of(names[i]);
        assert_ok(reflog_add(reflog, &object, 10 + i, false, &error), &error);
        assert_ok(reflog_add(reflog, &object, 20 + i, false, &error), &error);
    }
    assert_ok(reflog_add(reflog, &object, 30, true, &error), &error);
    assert_ok(reflog_close(reflog, &error), &error);
    assert_ok(reflog_open(&reflog, path, "a.b", false, unit_pool(state), &error), &error);
    assert_string_equal(entries(state, reflog), "6b78C:10 6b78-rmd160X:11 "
                                                "6b78-shake128H:30 ");
    assert_ok(reflog_contains(reflog, &object, &found, &error), &error);
    assert_true(found);
    object = object_of(DIGITS "M");
    assert_ok(reflog_contains(reflog, &object, &found, &error), &error);
    assert_false(found);
    assert_ok(reflog_close(reflog, &error), &error);
    assert_int_equal(access(apr_pstrcat(unit_pool(state), path, "-journal", NULL), F_OK),
                     -1);
}

static void forgets_what_was_not_closed(void **state)
{
    const char *path = maker_database(state, BASE);
    struct object object = object_of(DIGITS "C");
    struct reflog *reflog;
    struct error error;
    apr_pool_t *pool;

    apr_pool_create(&pool, unit_pool(state));
    assert_ok(reflog_open(&reflog, path, "a.b", false, pool, &error), &error);
    assert_ok(reflog_add(reflog, &object, 1, true, &error), &error);
    apr_pool_destroy(pool);
    assert_ok(reflog_open(&reflog, path, "a.b", false, unit_pool(state), &error), &error);
    assert_string_equal(entries(state, reflog), "");
}

static void takes_only_root_level_objects(void **state)
{
    static const char *const names[] = {DIGITS, DIGITS "P"};
    struct reflog *reflog;
    struct error error;

    assert_ok(reflog_open(&reflog, maker_database(state, BASE), "a.b", false,
                          unit_pool(state), &error),
              &error);
    for (int i = 0; i < 2; i++) {
        struct object object = object_of(names[i]);

        assert_false(reflog_add(reflog, &object, 1, true, &error));
        assert_int_equal(error.code, ERROR_USAGE);
    }
}

static void refuses_files_of_others(void **state)
{
    static const char *const bad[] = {
        "",
        MAKER_PROPERTIES,
        MAKER_PROPERTIES
        "INSERT INTO properties VALUES ('schema', '1.0'), ('fqrn', 'a.b');"
        "CREATE VIEW refs AS SELECT 1 AS hash;",
        BASE "UPDATE properties SET value = '2.0' WHERE key = 'schema';",
        BASE "CREATE TRIGGER t AFTER INSERT ON refs BEGIN DELETE FROM refs; END;",
    };
    struct reflog *reflog;
    struct error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (reflog_open(&reflog, maker_database(state, bad[i]), "a.b", false,
                        unit_pool(state), &error))
            fail_msg("accepted case %zu", i);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
    assert_false(reflog_open(&reflog, maker_database(state, BASE), "a.c", false,
                             unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_NAME_MISMATCH);
}

static void refuses_damaged_entries(void **state)
{
    static const char *const bad[] = {
        "INSERT INTO refs VALUES ('" DIGITS "', 4, 1);",
        "INSERT INTO refs VALUES ('" DIGITS "', -1, 1);",
        "INSERT INTO refs VALUES ('" DIGITS "C', 0, 1);",
        "INSERT INTO refs VALUES ('" DIGITS "', 'x', 1);",
    };
    char all[200], *end = all;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *sql = apr_pstrcat(unit_pool(state), BASE, bad[i], NULL);
        struct reflog *reflog;
        struct error error;

        assert_ok(reflog_open(&reflog, maker_database(state, sql), "a.b", false,
                              unit_pool(state), &error),
                  &error);
        assert_false(reflog_each(reflog, collect, &end, &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static void forgets_entries_and_becomes_smaller(void **state)
{
    const char *path = apr_pstrcat(unit_pool(state), unit_folder(state), "/r", NULL);
    struct object object = object_of(DIGITS "C");
    struct reflog *reflog;
    struct stat full, small;
    struct error error;
    int64_t timestamp;
    bool found;

    assert_ok(reflog_open(&reflog, path, "a.b", true, unit_pool(state), &error), &error);
    for (int i = 0; i < 1000; i++) {
        memcpy(object.hash.digest, &i, sizeof(i));
        assert_ok(reflog_add(reflog, &object, i, false, &error), &error);
    }
    assert_ok(reflog_close(reflog, &error), &error);
    assert_int_equal(stat(path, &full), 0);
    assert_ok(reflog_open(&reflog, path, "a.b", false, unit_pool(state), &error), &error);
    assert_ok(reflog_find(reflog, &object, &timestamp, &found, &error), &error);
    assert_true(found && timestamp == 999);
    for (int i = 0; i < 1000; i++) {
        memcpy(object.hash.digest, &i, sizeof(i));
        object.type = i == 500 ? OBJECT_HISTORY : OBJECT_CATALOG;
        assert_ok(reflog_remove(reflog, &object, &error), &error);
        assert_ok(reflog_find(reflog, &object, &timestamp, &found, &error), &error);
        assert_false(found);
    }
    assert_ok(reflog_compact(reflog, &error), &error);
    assert_string_equal(entries(state, reflog), "6b78C:500 ");
    assert_ok(reflog_close(reflog, &error), &error);
    assert_int_equal(stat(path, &small), 0);
    assert_true(small.st_size < full.st_size / 2);
}

static const struct CMUnitTest reflog_tests[] = {
    UNIT_TEST(keeps_what_is_entered),
    UNIT_TEST(forgets_what_was_not_closed),
    UNIT_TEST(takes_only_root_level_objects),
    UNIT_TEST(refuses_files_of_others),
    UNIT_TEST(refuses_damaged_entries),
    UNIT_TEST(forgets_entries_and_becomes_smaller),
};

UNIT_MAIN(reflog_tests)
