/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs: what good ones say, and that hostile ones are refused. */
#include "tests/unit/unit.h"
#include <unistd.h>
#include "libreplica/format/catalog.h"
#include "tests/unit/database_maker.h"

#define DIGITS "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
#define BLOB_A "x'e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78'"
#define BLOB_B "x'fcdb20b894f31f1306d56294c049ca7293dde0fc'"
#define ZEROS  "0000000000000000000000000000000000000000"

static struct catalog *opened(void **state, const char *sql)
{
    struct catalog *catalog;
    struct error error;

    assert_ok(
        catalog_open(&catalog, maker_database(state, sql), unit_pool(state), &error),
        &error);
    return catalog;
}

/* Names of all objects with a blank between, or "!" and the error. */
static const char *objects_of(void **state, struct catalog *catalog)
{
    const char *all = "";
    struct object object;
    struct error error;
    bool more;

    for (;;) {
        char name[OBJECT_NAME_SIZE];

        if (!catalog_next_object(catalog, &object, &more, &error)) {
            assert_int_equal(error.code, ERROR_BAD_FORMAT);
            return apr_pstrcat(unit_pool(state), "!", error.message, NULL);
        }
        if (!more)
            return all;
        all = apr_pstrcat(unit_pool(state), all, object_name(name, &object), " ", NULL);
    }
}

static void reads_the_properties(void **state)
{
    struct catalog *catalog =
        opened(state, MAKER_BASE
               "INSERT INTO properties VALUES ('root_prefix', '/sw/v1'), ('TTL', 900),"
               " ('previous_revision', '" DIGITS "-rmd160');");
    const struct catalog_properties *properties = catalog_properties(catalog);

    assert_int_equal(properties->revision, 3);
    assert_int_equal(properties->last_modified_seconds, 1795178298);
    assert_int_equal(properties->ttl_seconds, 900);
    assert_int_equal(properties->schema_revision, 7);
    assert_string_equal(properties->root_prefix, "/sw/v1");
    assert_int_equal(properties->previous_revision.algorithm, HASH_RMD160);
    catalog_close(catalog);
    catalog = opened(state, MAKER_BASE "INSERT INTO properties VALUES"
                                       " ('previous_revision', '" ZEROS "');");
    properties = catalog_properties(catalog);
    assert_int_equal(properties->ttl_seconds, 240);
    assert_string_equal(properties->root_prefix, "");
    assert_true(hash_is_null(&properties->previous_revision));
}

static void finds_the_objects_and_leaves_external_ones_out(void **state)
{
    const char *sql = apr_pstrcat(
        unit_pool(state), MAKER_BASE, maker_entry(state, "", 1, "NULL"),
        maker_entry(state, "/a", 4, BLOB_A), maker_entry(state, "/b", 4 | 512, BLOB_B),
        maker_entry(state, "/c", 4 | 128, BLOB_B), maker_entry(state, "/d", 12, "NULL"),
        maker_entry(state, "/e", 4, "x''"), maker_entry(state, "/f", 68 | 256, BLOB_A),
        maker_entry(state, "/g", 68 | 128, "NULL"),
        maker_entry(state, "/h", 4 | 0x3800, "x'" ZEROS "'"),
        maker_chunk(state, "/f", 10, BLOB_B), maker_chunk(state, "/f", 0, BLOB_A),
        maker_chunk(state, "/g", 0, BLOB_A), maker_chunk(state, "/orphan", 0, BLOB_A),
        "INSERT INTO chunks VALUES (NULL, NULL, 0, 10, NULL);", NULL);

    assert_string_equal(
        objects_of(state, opened(state, sql)),
        DIGITS " fcdb20b894f31f1306d56294c049ca7293dde0fc-shake128 " DIGITS "-rmd160 "
               "fcdb20b894f31f1306d56294c049ca7293dde0fc-rmd160P " DIGITS "-rmd160P ");
}

static void refuses_rows_that_cannot_be_objects(void **state)
{
    const struct {
        const char *rows, *message;
    } cases[] = {
        {maker_entry(state, "/a", 4, "x'e8'"), "1 bytes instead of 20"},
        {maker_entry(state, "/a", 4, "x'" DIGITS "00'"), "21 bytes instead of 20"},
        {maker_entry(state, "/a", 4, "'" DIGITS "'"), "holds no blob"},
        {maker_entry(state, "/a", 4 | 7 << 8, BLOB_A), "algorithm code 7"},
        {maker_entry(state, "/a", 4 | 3 << 8, BLOB_A), "algorithm code 3"},
        {"INSERT INTO catalog (hash, flags) VALUES (" BLOB_A ", 'x');", "no number"},
        {"INSERT INTO catalog (hash, flags) VALUES (" BLOB_A ", -1);", "out of range"},
        {"INSERT INTO catalog (hash, flags) VALUES (" BLOB_A ", 4294967296);",
         "out of range"},
        {apr_pstrcat(unit_pool(state), maker_entry(state, "/a", 68, "NULL"),
                     maker_chunk(state, "/a", 0, "x'e8'"), NULL),
         "1 bytes instead of 20"},
        {apr_pstrcat(unit_pool(state), maker_entry(state, "/a", 68, "NULL"),
                     maker_chunk(state, "/a", 0, "NULL"), NULL),
         "a chunk has no hash"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *sql = apr_pstrcat(unit_pool(state), MAKER_BASE, cases[i].rows, NULL);
        const char *objects = objects_of(state, opened(state, sql));

        if (objects[0] != '!' || strstr(objects, cases[i].message) == NULL)
            fail_msg("case %zu: %s", i, objects);
    }
}

static void lists_nested_catalogs_by_path(void **state)
{
    const char *sql = apr_pstrcat(
        unit_pool(state), MAKER_BASE,
        "INSERT INTO properties VALUES ('root_prefix', '/sw');",
        maker_nested(state, "/sw/v2", DIGITS "-shake128"),
        "INSERT INTO nested_catalogs VALUES ('/sw/.a..', '" DIGITS "', 4096);", NULL);
    struct catalog *catalog = opened(state, sql);
    struct catalog_nested nested;
    struct error error;
    bool more;

    assert_ok(catalog_next_nested(catalog, &nested, &more, &error), &error);
    assert_true(more);
    assert_string_equal(nested.path, "/sw/.a..");
    assert_int_equal(nested.size, 4096);
    assert_ok(catalog_next_nested(catalog, &nested, &more, &error), &error);
    assert_string_equal(nested.path, "/sw/v2");
    assert_int_equal(nested.size, 0);
    assert_int_equal(nested.hash.algorithm, HASH_SHAKE128);
    for (int i = 0; i < 2; i++) {
        assert_ok(catalog_next_nested(catalog, &nested, &more, &error), &error);
        assert_false(more);
    }
}

static void refuses_nested_paths_that_lead_elsewhere(void **state)
{
    static const char *const bad[][2] = {
        {"/sw/../etc", DIGITS}, {"/sw/./a", DIGITS},
        {"/sw//a", DIGITS},     {"/sw/a/", DIGITS},
        {"sw/a", DIGITS},       {"", DIGITS},
        {"/sw", DIGITS},        {"/swan", DIGITS},
        {"/other", DIGITS},     {"/sw/..", DIGITS},
        {"/sw/a", ""},          {"/sw/a", ZEROS},
        {"/sw/a", DIGITS "C"},  {"/sw/a", "../../etc/passwd"},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *sql =
            apr_pstrcat(unit_pool(state), MAKER_BASE,
                        "INSERT INTO properties VALUES ('root_prefix', '/sw');",
                        maker_nested(state, bad[i][0], bad[i][1]), NULL);
        struct catalog_nested nested;
        struct error error;
        bool more;

        if (catalog_next_nested(opened(state, sql), &nested, &more, &error))
            fail_msg("accepted '%s' '%s'", bad[i][0], bad[i][1]);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static void refuses_texts_with_nul(void **state)
{
    struct catalog *catalog =
        opened(state, MAKER_BASE "INSERT INTO nested_catalogs (path, sha1)"
                                 " VALUES (CAST(x'2f6100' AS TEXT), '" DIGITS "');");
    struct catalog_nested nested;
    struct error error;
    bool more;

    assert_false(catalog_next_nested(catalog, &nested, &more, &error));
    assert_non_null(strstr(error.message, "NUL"));
}

static bool collect_name(void *baton, const struct catalog_entry *entry,
                         struct error *error)
{
    char **end = baton;

    if (text_equals(entry->name, "stop"))
        return error_set(error, ERROR_CANCELLED, "stopped");
    *end += sprintf(*end, "%.*s ", (int)entry->name.length, entry->name.bytes);
    return true;
}

static bool collect_chunk(void *baton, const struct catalog_chunk *chunk,
                          struct error *error)
{
    char **end = baton;

    *end += sprintf(*end, "%d:%d ", (int)chunk->offset, (int)chunk->hash.algorithm);
    return true;
}

static void looks_paths_up_and_lists_directories(void **state)
{
    const char *sql = apr_pstrcat(
        unit_pool(state), MAKER_BASE, maker_entry(state, "", 1, "NULL"),
        maker_entry(state, "/b", 68 | 512 | 2048, "NULL"),
        maker_entry(state, "/a", 4, BLOB_A), maker_entry(state, "/stop", 4, BLOB_A),
        maker_chunk(state, "/b", 10, BLOB_B), maker_chunk(state, "/b", 0, BLOB_A), NULL);
    struct catalog *catalog = opened(state, sql);
    struct catalog_entry entry;
    char names[100] = "", *end = names;
    struct error error;
    bool found;

    assert_ok(catalog_lookup(catalog, "/b", &entry, &found, &error), &error);
    assert_true(found);
    assert_true(text_equals(entry.name, "b"));
    assert_int_equal(entry.mode, 0100644);
    assert_int_equal(entry.size, 5);
    assert_int_equal(entry.uid, 7);
    assert_int_equal(entry.gid, 8);
    assert_int_equal(entry.compression, COMPRESSION_NONE);
    assert_true(hash_is_null(&entry.hash));
    assert_ok(catalog_lookup(catalog, "/x", &entry, &found, &error), &error);
    assert_false(found);
    assert_false(catalog_list(catalog, "", collect_name, &end, &error));
    assert_int_equal(error.code, ERROR_CANCELLED);
    assert_string_equal(names, "a b ");
    end = names;
    assert_ok(catalog_chunks(catalog, "/b", collect_chunk, &end, &error), &error);
    assert_string_equal(names, "0:3 10:3 ");
}

static void reads_old_revisions(void **state)
{
    static const char old[] = MAKER_PROPERTIES MAKER_CHUNKS
        "CREATE TABLE catalog (md5path_1 INTEGER, md5path_2 INTEGER, parent_1 INTEGER,"
        " parent_2 INTEGER, hardlinks INTEGER, hash BLOB, size INTEGER, mode INTEGER,"
        " mtime INTEGER, flags INTEGER, name TEXT, symlink TEXT, uid INTEGER,"
        " gid INTEGER, PRIMARY KEY (md5path_1, md5path_2));"
        "CREATE TABLE nested_catalogs (path TEXT PRIMARY KEY, sha1 TEXT);"
        "INSERT INTO nested_catalogs VALUES ('/n', '" DIGITS "');"
        "INSERT INTO properties VALUES ('schema', '2.4'), ('revision', '1');";
    const char *sql =
        apr_pstrcat(unit_pool(state), old, maker_entry(state, "/a", 4, BLOB_A), NULL);
    struct catalog *catalog = opened(state, sql);
    struct catalog_nested nested;
    struct catalog_entry entry;
    struct error error;
    bool more;

    assert_ok(catalog_lookup(catalog, "/a", &entry, &more, &error), &error);
    assert_true(more && entry.xattr.length == 0);
    assert_ok(catalog_next_nested(catalog, &nested, &more, &error), &error);
    assert_true(more && nested.size == 0);
    assert_int_equal(catalog_properties(catalog)->schema_revision, 0);
    assert_string_equal(objects_of(state, catalog), DIGITS " ");
}

static void refuses_other_schemas(void **state)
{
    static const char *const bad[] = {"2.3",  "2.6", "1.0", "2.45",
                                      "-2.5", "x",   "nan", "1e300"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        const char *sql =
            apr_pstrcat(unit_pool(state), MAKER_BASE, "UPDATE properties SET value = '",
                        bad[i], "' WHERE key = 'schema';", NULL);
        struct catalog *catalog;
        struct error error;

        assert_false(
            catalog_open(&catalog, maker_database(state, sql), unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_UNSUPPORTED);
    }
}

static void refuses_what_is_no_ordinary_catalog(void **state)
{
    static const char *const bad[] = {
        MAKER_PROPERTIES MAKER_CHUNKS MAKER_NESTED MAKER_SCHEMA_25
        "CREATE VIEW catalog AS SELECT x'00' AS hash, 0 AS flags;",
        MAKER_PROPERTIES MAKER_CATALOG MAKER_NESTED MAKER_SCHEMA_25,
        MAKER_PROPERTIES MAKER_CATALOG MAKER_CHUNKS MAKER_SCHEMA_25,
        MAKER_CATALOG MAKER_CHUNKS MAKER_NESTED,
        MAKER_BASE
        "CREATE TRIGGER t AFTER INSERT ON catalog BEGIN DELETE FROM chunks; END;",
        MAKER_PROPERTIES MAKER_CHUNKS MAKER_CATALOG MAKER_SCHEMA_25
        "CREATE VIRTUAL TABLE nested_catalogs USING fts5(path, sha1, size);",
        MAKER_PROPERTIES MAKER_CATALOG MAKER_NESTED MAKER_SCHEMA_25
        "CREATE TABLE chunks (md5path_1, md5path_2, offset, size,"
        " hash AS (zeroblob(1000000000)));",
        MAKER_BASE "INSERT INTO properties VALUES ('root_prefix', '/a/../b');",
        MAKER_BASE "INSERT INTO properties VALUES ('root_prefix', 'a');",
        MAKER_BASE "INSERT INTO properties VALUES ('previous_revision', 'a');",
        MAKER_BASE "UPDATE properties SET value = 'x' WHERE key = 'revision';",
        "",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct catalog *catalog;
        struct error error;

        if (catalog_open(&catalog, maker_database(state, bad[i]), unit_pool(state),
                         &error))
            fail_msg("accepted case %zu", i);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static void refuses_files_that_are_no_database(void **state)
{
    static const char text[2000] = "this is no database at all, but it is long enough";
    struct catalog *catalog;
    struct error error;

    assert_false(catalog_open(&catalog, maker_file(state, text, sizeof(text)),
                              unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(
        catalog_open(&catalog, maker_file(state, "", 0), unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(catalog_open(&catalog, unit_folder(state), unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(
        catalog_open(&catalog, "/nonexistent/catalog", unit_pool(state), &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static const char *many_rows(void **state)
{
    return apr_pstrcat(unit_pool(state), "PRAGMA page_size=512;" MAKER_BASE,
                       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                       " WHERE i < 2000) INSERT INTO catalog (md5path_1, md5path_2, hash,"
                       " flags, name) SELECT i, i, " BLOB_A ", 4, 'x' FROM n;",
                       NULL);
}

static void refuses_truncated_ones(void **state)
{
    const char *path = maker_database(state, many_rows(state));
    struct catalog *catalog;
    struct error error;
    const char *objects = "!";

    assert_int_equal(truncate(path, 20 * 512), 0);
    if (catalog_open(&catalog, path, unit_pool(state), &error))
        objects = objects_of(state, catalog);
    assert_true(objects[0] == '!');
}

/* All children of an interior page are made its first one: a page that is a child many
 * times over, level by level, makes a scan of very many rows out of a small file. */
static void ends_on_trees_that_do_not(void **state)
{
    const char *path = maker_database(state, many_rows(state));
    struct catalog *catalog;
    struct object object;
    struct error error;
    bool more = true, good = true;
    FILE *file = fopen(path, "r+");
    unsigned char page[512];

    for (long at = 0; fread(page, 1, sizeof(page), file) == sizeof(page); at += 512) {
        unsigned int cells = (unsigned int)page[3] << 8 | page[4];
        unsigned char child[4] = {0, 0, 0, 0};

        if (at == 0 || page[0] != 5 || cells == 0 || cells > 200)
            continue;
        memcpy(child, page + ((unsigned int)page[12] << 8 | page[13]), 4);
        for (unsigned int i = 0; i < cells; i++) {
            unsigned int cell = (unsigned int)page[12 + 2 * i] << 8 | page[13 + 2 * i];

            if (cell <= sizeof(page) - 4)
                memcpy(page + cell, child, 4);
        }
        fseek(file, at, SEEK_SET);
        fwrite(page, 1, sizeof(page), file);
        fseek(file, at + 512, SEEK_SET);
    }
    fclose(file);
    assert_ok(catalog_open(&catalog, path, unit_pool(state), &error), &error);
    for (int i = 0; good && more; i++) {
        assert_true(i < 100000);
        good = catalog_next_object(catalog, &object, &more, &error);
    }
}

static void refuses_to_work_without_end(void **state)
{
    /* Without its index each chunk would search the whole table. */
    static const char sql[] = MAKER_PROPERTIES MAKER_NESTED MAKER_SCHEMA_25
        "CREATE TABLE catalog (md5path_1, md5path_2, parent_1, parent_2, hardlinks, hash,"
        " size, mode, mtime, flags, name, symlink, uid, gid);"
        "CREATE TABLE chunks (md5path_1, md5path_2, offset, size, hash);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 10000) INSERT INTO catalog (md5path_1, flags) SELECT 1, 68 FROM n;"
        "INSERT INTO chunks SELECT 2, 2, 2, 2, x'00' FROM catalog;";
    const char *objects = objects_of(state, opened(state, sql));

    assert_non_null(strstr(objects, "more work than its size can justify"));
}

static const struct CMUnitTest catalog_tests[] = {
    UNIT_TEST(reads_the_properties),
    UNIT_TEST(finds_the_objects_and_leaves_external_ones_out),
    UNIT_TEST(refuses_rows_that_cannot_be_objects),
    UNIT_TEST(lists_nested_catalogs_by_path),
    UNIT_TEST(refuses_nested_paths_that_lead_elsewhere),
    UNIT_TEST(refuses_texts_with_nul),
    UNIT_TEST(looks_paths_up_and_lists_directories),
    UNIT_TEST(reads_old_revisions),
    UNIT_TEST(refuses_other_schemas),
    UNIT_TEST(refuses_what_is_no_ordinary_catalog),
    UNIT_TEST(refuses_files_that_are_no_database),
    UNIT_TEST(refuses_truncated_ones),
    UNIT_TEST(ends_on_trees_that_do_not),
    UNIT_TEST(refuses_to_work_without_end),
};

UNIT_MAIN(catalog_tests)
