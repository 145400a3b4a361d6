/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs as written, read back with SQLite itself. */
#include <sqlite3.h>
#include <sys/stat.h>
#include "tests/unit/unit.h"
#include "libreplica/format/catalog_editor.h"

/* The rows of a query as text, values joined by '|', rows by ';'. */
static const char *query(const char *path, const char *sql, apr_pool_t *pool)
{
    const char *result = "";
    sqlite3_stmt *statement;
    sqlite3 *database;

    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READONLY, NULL), 0);
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(database));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *text = (const char *)sqlite3_column_text(statement, i);

            result =
                apr_pstrcat(pool, result, text != NULL ? text : "NULL",
                            i + 1 < sqlite3_column_count(statement) ? "|" : ";", NULL);
        }
    }
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return result;
}

static struct catalog_editor *create(const char *path, apr_pool_t *pool)
{
    struct catalog_editor *editor = NULL;
    struct error error;

    assert_ok(catalog_editor_create(&editor, path, pool, &error), &error);
    return editor;
}

static struct catalog_entry entry_at(const char *path, const char *parent,
                                     const char *name, unsigned int flags)
{
    return (struct catalog_entry){
        .path = path_hash_of(text_of(path)),
        .parent = path_hash_of(text_of(parent)),
        .hardlinks = 1,
        .mode = flags & CATALOG_DIRECTORY ? S_IFDIR | 0755 : S_IFREG | 0644,
        .mtime_seconds = 1700000000,
        .flags = flags,
        .name = text_of(name),
        .uid = 7,
        .gid = 4000000000,
    };
}

static void finish(struct catalog_editor *editor, int64_t revision, const char *prefix)
{
    struct catalog_properties properties = {.revision = revision,
                                            .last_modified_seconds = 1800000000,
                                            .root_prefix = prefix,
                                            .ttl_seconds = prefix[0] == '\0' ? 240 : 0};
    struct error error;

    assert_ok(catalog_editor_finish(editor, &properties, &error), &error);
}

static void add_chunked_file(struct catalog_editor *editor)
{
    struct catalog_entry entry = entry_at("/big", "", "big", CATALOG_FILE);
    struct catalog_chunk chunk = {.path = entry.path};
    struct error error;

    entry.flags |=
        CATALOG_CHUNKED | catalog_content_flags(HASH_SHAKE128, COMPRESSION_NONE);
    entry.size = 300;
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    for (int i = 0; i < 3; i++) {
        chunk.offset = 100 * i;
        chunk.size = 100;
        hash_bytes(&chunk.hash, HASH_SHAKE128, "abc", (size_t)i + 1);
        assert_ok(catalog_editor_add_chunk(editor, &chunk, &error), &error);
    }
}

static void add_all_kinds(struct catalog_editor *editor)
{
    struct catalog_entry entry = entry_at("", "", "", CATALOG_DIRECTORY);
    struct catalog_nested nested = {"/n", .size = 4096};
    struct error error;

    entry.parent = (struct path_hash){0, 0};
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    entry = entry_at("/n", "", "n", CATALOG_DIRECTORY | CATALOG_MOUNTPOINT);
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    hash_bytes(&nested.hash, HASH_RMD160, "n", 1);
    assert_ok(catalog_editor_add_nested(editor, &nested, &error), &error);
    entry = entry_at("/f", "", "f", CATALOG_FILE);
    entry.size = 5;
    entry.xattr = (struct text){"\1\1\1\1ab", 6};
    hash_bytes(&entry.hash, HASH_SHA1, "f", 1);
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    entry = entry_at("/l\xff", "", "l\xff", CATALOG_FILE | CATALOG_SYMLINK);
    entry.symlink = text_of("$(A)/\xfe");
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    entry = entry_at("/p", "", "p", CATALOG_FILE | CATALOG_SPECIAL);
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    add_chunked_file(editor);
}

static void writes_every_kind_of_row(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *path = apr_pstrcat(pool, unit_folder(state), "/c", NULL);
    struct catalog_editor *editor = create(path, pool);

    add_all_kinds(editor);
    finish(editor, 0, "");
    assert_string_equal(
        query(path, "SELECT flags, hex(name), hex(symlink), size FROM catalog", pool),
        "1|||0;3|6E||0;4|66||5;12|6CFF|242841292FFE|0;20|70||0;2628|626967||300;");
    assert_string_equal(query(path,
                              "SELECT md5path_1, md5path_2, parent_1, parent_2, mode,"
                              " mtimens, uid, gid, hash, xattr FROM catalog LIMIT 1",
                              pool),
                        "338333539836370388|9098107892288553193|0|0|16877|NULL|7|"
                        "4000000000|NULL|NULL;");
    assert_string_equal(
        query(path, "SELECT hex(hash), hex(xattr) FROM catalog WHERE name='f'", pool),
        "4A0A19218E082A343A1B17E5333409AF9D98F0F5|010101016162;");
    assert_string_equal(query(path, "SELECT path, sha1, size FROM nested_catalogs", pool),
                        "/n|d78c2e958bccd76b15826ed429896d1c451a770b-rmd160|4096;");
    assert_string_equal(query(path,
                              "SELECT offset, chunks.size, length(chunks.hash) FROM"
                              " chunks JOIN catalog USING (md5path_1, md5path_2)",
                              pool),
                        "0|100|20;100|100|20;200|100|20;");
}

static void counts_what_it_writes(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *path = apr_pstrcat(pool, unit_folder(state), "/c", NULL);
    struct catalog_properties properties = {.root_prefix = ""};
    struct catalog_editor *editor = create(path, pool);
    struct catalog_counters subtree;
    struct error error;

    add_all_kinds(editor);
    subtree = *catalog_editor_counters(editor);
    catalog_counters_add(&subtree, catalog_editor_counters(editor));
    catalog_editor_count_below(editor, &subtree, NULL);
    assert_ok(catalog_editor_finish(editor, &properties, &error), &error);
    assert_string_equal(query(path,
                              "SELECT substr(counter, 6), value FROM statistics"
                              " WHERE counter LIKE 'self%' ORDER BY counter",
                              pool),
                        "chunked|1;chunked_size|300;chunks|3;dir|2;external|0;"
                        "external_file_size|0;file_size|305;nested|1;regular|2;"
                        "special|1;symlink|1;xattr|1;");
    assert_string_equal(query(path,
                              "SELECT count(*), sum(value) FROM statistics"
                              " WHERE counter LIKE 'subtree%'",
                              pool),
                        "12|1234;");
}

static void writes_properties_as_text_and_leaves_out_what_is_unset(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *folder = unit_folder(state);
    const char *first = apr_pstrcat(pool, folder, "/first", NULL);
    const char *nested = apr_pstrcat(pool, folder, "/nested", NULL);

    finish(create(first, pool), 0, "");
    assert_string_equal(
        query(first, "SELECT key, value, typeof(value) FROM properties ORDER BY key",
              pool),
        "TTL|240|text;last_modified|1800000000|text;revision|0|text;schema|2.5|text;"
        "schema_revision|7|text;");
    finish(create(nested, pool), 1, "/a/b");
    assert_string_equal(
        query(nested,
              "SELECT key, value FROM properties WHERE key NOT LIKE 'schema%'"
              " ORDER BY key",
              pool),
        "last_modified|1800000000;previous_revision|"
        "0000000000000000000000000000000000000000;revision|1;root_prefix|/a/b;");
}

static void refuses_a_path_twice(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *path = apr_pstrcat(pool, unit_folder(state), "/c", NULL);
    struct catalog_entry entry = entry_at("/a", "", "a", CATALOG_FILE);
    struct catalog_editor *editor = create(path, pool);
    struct catalog_chunk orphan = {.path = path_hash_of(text_of("/b")), .size = 1};
    struct error error;

    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    assert_false(catalog_editor_add(editor, &entry, &error));
    assert_int_equal(error.code, ERROR_EXISTS);
    assert_false(catalog_editor_add_chunk(editor, &orphan, &error));
    assert_int_equal(catalog_editor_counters(editor)->value[CATALOG_COUNT_REGULAR], 1);
}

static bool matches(const char *path, const char *other, int extra, apr_pool_t *pool)
{
    struct catalog_editor *editor = create(path, pool);
    struct catalog_entry entry = entry_at("/extra", "", "extra", CATALOG_FILE);
    struct error error;
    bool same;

    add_all_kinds(editor);
    if (extra)
        assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    assert_ok(catalog_editor_matches(&same, editor, other, &error), &error);
    finish(editor, 3, "");
    return same;
}

static void knows_whether_anything_changed(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    const char *folder = unit_folder(state);
    const char *other = apr_pstrcat(pool, folder, "/it's?%20", NULL);
    struct catalog_editor *editor = create(other, pool);

    add_all_kinds(editor);
    finish(editor, 2, "");
    assert_true(matches(apr_pstrcat(pool, folder, "/same", NULL), other, 0, pool));
    assert_false(matches(apr_pstrcat(pool, folder, "/more", NULL), other, 1, pool));
    assert_string_equal(query(other, "SELECT count(*) FROM catalog", pool), "6;");
}

static const struct CMUnitTest catalog_editor_tests[] = {
    UNIT_TEST(writes_every_kind_of_row),
    UNIT_TEST(counts_what_it_writes),
    UNIT_TEST(writes_properties_as_text_and_leaves_out_what_is_unset),
    UNIT_TEST(refuses_a_path_twice),
    UNIT_TEST(knows_whether_anything_changed),
};

UNIT_MAIN(catalog_editor_tests)
