/* SPDX-License-Identifier: Apache-2.0 */
/* The tag database, both directions. */
#include "tests/unit/unit.h"
#include "libreplica/format/history_editor.h"
#include "tests/unit/database_maker.h"

#define DIGITS "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b78"
#define BASE                                                                             \
    MAKER_PROPERTIES "INSERT INTO properties VALUES ('schema', '1.0'), ('fqrn', 'a.b');"
#define TAGS_0                                                                           \
    "CREATE TABLE tags (name TEXT, hash TEXT, revision INTEGER, timestamp INTEGER,"      \
    " channel INTEGER, description TEXT, CONSTRAINT pk_tags PRIMARY KEY (name));"

static bool read_history(void **state, const char *path, apr_array_header_t **tags,
                         struct error *error)
{
    struct hash previous;
    const char *fqrn;

    return history_read(&fqrn, &previous, tags, path, unit_pool(state), error);
}

static bool write_history(const char *path, const struct hash *previous,
                          const apr_array_header_t *tags, struct error *error)
{
    struct history_editor *editor;

    if (!history_editor_create(&editor, path, "sw.example.net", tags->pool, error))
        return false;
    for (int i = 0; i < tags->nelts; i++)
        if (!history_editor_add(editor, &APR_ARRAY_IDX(tags, i, struct tag), error))
            return false;
    return history_editor_finish(editor, previous, error);
}

static void reads_what_it_writes(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *tags = apr_array_make(pool, 4, sizeof(struct tag)), *read;
    const char *path = apr_pstrcat(pool, unit_folder(state), "/tags", NULL);
    struct hash previous, read_previous;
    const char *fqrn;
    struct error error;

    assert_true(hash_parse(&previous, text_of(DIGITS "-rmd160")));
    for (int i = 0; i < 50; i++)
        APR_ARRAY_PUSH(tags, struct tag) = (struct tag){
            .name = apr_psprintf(pool, "v%d", i),
            .catalog = previous,
            .catalog_size = 100 + i,
            .revision = i,
            .timestamp_seconds = 1000 + i / 10,
            .branch = "",
            .description = "it's a 'tag'",
        };
    assert_ok(write_history(path, &previous, tags, &error), &error);
    assert_false(write_history(path, &previous, tags, &error));
    assert_int_equal(error.code, ERROR_EXISTS);
    assert_ok(history_read(&fqrn, &read_previous, &read, path, pool, &error), &error);
    assert_string_equal(fqrn, "sw.example.net");
    assert_true(hash_equals(&previous, &read_previous));
    assert_int_equal(read->nelts, 50);
    for (int i = 0; i < 50; i++) {
        const struct tag *tag = &APR_ARRAY_IDX(read, i, struct tag);

        assert_int_equal(tag->revision, 49 - i);
        assert_int_equal(tag->catalog_size, 149 - i);
        assert_string_equal(tag->description, "it's a 'tag'");
        assert_true(hash_equals(&tag->catalog, &previous));
    }
    APR_ARRAY_PUSH(tags, struct tag) = APR_ARRAY_IDX(tags, 0, struct tag);
    path = apr_pstrcat(pool, unit_folder(state), "/other", NULL);
    assert_false(write_history(path, &previous, tags, &error));
    assert_non_null(strstr(error.message, "tag v0"));
}

static const struct tag *find(const apr_array_header_t *tags, const char *name)
{
    for (int i = 0; i < tags->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(tags, i, struct tag).name, name) == 0)
            return &APR_ARRAY_IDX(tags, i, struct tag);
    return NULL;
}

/* Nothing that is not changed gets lost: branches, and what old revisions lack. */
static void changes_what_others_wrote(void **state)
{
    static const char branches[] =
        BASE "CREATE TABLE branches (branch TEXT, parent TEXT, initial_revision INTEGER,"
             " CONSTRAINT pk_branch PRIMARY KEY (branch));"
             "CREATE TABLE tags (name TEXT, hash TEXT, revision INTEGER, timestamp"
             " INTEGER, channel INTEGER, description TEXT, size INTEGER, branch TEXT,"
             " CONSTRAINT pk_tags PRIMARY KEY (name));"
             "INSERT INTO branches VALUES ('', NULL, 0), ('a', '', 1), ('b', 'a', 2),"
             " ('c', 'b', 3), ('d', '', 4);"
             "INSERT INTO tags VALUES ('x', '" DIGITS "', 1, 2, 0, 'd', 7, 'c'),"
             " ('y', '" DIGITS "', 1, 2, 0, 'd', 7, 'd'),"
             " ('z', '" DIGITS "', 1, 2, 0, 'd', 7, '');";
    const char *path = maker_database(state, branches);
    struct tag tag = {.name = "new", .branch = "c", .description = "", .revision = 9};
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *tags, *left;
    struct history_editor *editor;
    struct error error;
    struct hash hash;

    assert_true(hash_parse(&hash, text_of(DIGITS)));
    tag.catalog = hash;
    assert_ok(history_editor_open(&editor, path, pool, &error), &error);
    assert_ok(history_editor_add(editor, &tag, &error), &error);
    assert_false(history_editor_add(editor, &tag, &error));
    assert_int_equal(error.code, ERROR_EXISTS);
    tag.name = "astray";
    tag.branch = "nowhere";
    assert_false(history_editor_add(editor, &tag, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_ok(history_editor_remove(editor, "y", &error), &error);
    assert_ok(history_editor_remove(editor, "never", &error), &error);
    assert_ok(history_editor_finish(editor, &hash, &error), &error);
    assert_ok(read_history(state, path, &tags, &error), &error);
    assert_int_equal(tags->nelts, 3);
    assert_string_equal(find(tags, "new")->branch, "c");
    assert_string_equal(find(tags, "x")->description, "d");
    assert_ok(history_read_branches(&left, path, pool, &error), &error);
    assert_int_equal(left->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(left, 0, struct branch).name, "");
    assert_string_equal(APR_ARRAY_IDX(left, 1, struct branch).name, "c");
    assert_string_equal(APR_ARRAY_IDX(left, 1, struct branch).parent, "");
}

static void brings_revision_0_up_to_date(void **state)
{
    const char *path =
        maker_database(state, BASE TAGS_0 "INSERT INTO tags VALUES"
                                          " ('x', '" DIGITS "', 1, 2, 0, NULL);");
    struct tag tag = {.name = "new", .branch = "", .description = "it", .revision = 9};
    apr_pool_t *pool = unit_pool(state);
    struct history_editor *editor;
    apr_array_header_t *tags;
    struct error error;

    assert_true(hash_parse(&tag.catalog, text_of(DIGITS)));
    assert_ok(history_editor_open(&editor, path, pool, &error), &error);
    assert_ok(history_editor_add(editor, &tag, &error), &error);
    assert_ok(history_editor_finish(editor, &tag.catalog, &error), &error);
    assert_ok(read_history(state, path, &tags, &error), &error);
    assert_int_equal(tags->nelts, 2);
    assert_string_equal(find(tags, "x")->branch, "");
    assert_string_equal(find(tags, "new")->description, "it");
}

static void reads_revision_0(void **state)
{
    apr_array_header_t *tags;
    struct error error;

    assert_ok(read_history(state,
                           maker_database(state, BASE TAGS_0 "INSERT INTO tags VALUES"
                                                             " ('x', '" DIGITS
                                                             "', 1, 2, 0, NULL);"),
                           &tags, &error),
              &error);
    assert_int_equal(tags->nelts, 1);
    assert_int_equal(APR_ARRAY_IDX(tags, 0, struct tag).catalog_size, 0);
    assert_string_equal(APR_ARRAY_IDX(tags, 0, struct tag).description, "");
}

static void refuses_damaged_ones(void **state)
{
    static const char *const bad[] = {
        "",
        BASE,
        TAGS_0,
        BASE "CREATE VIEW tags AS SELECT 1 AS name;",
        MAKER_PROPERTIES TAGS_0 "INSERT INTO properties VALUES ('schema', '1.0');",
        BASE TAGS_0 "INSERT INTO tags VALUES ('x', 'no hash', 1, 2, 0, '');",
        BASE TAGS_0 "INSERT INTO tags VALUES ('x', '', 1, 2, 0, '');",
        BASE TAGS_0 "INSERT INTO tags VALUES ('', '" DIGITS "', 1, 2, 0, '');",
        BASE TAGS_0 "INSERT INTO tags VALUES ('x', '" DIGITS "', 'y', 2, 0, '');",
        BASE TAGS_0 "INSERT INTO tags VALUES ('x', '" DIGITS "', -1, 2, 0, '');",
        BASE TAGS_0 "INSERT INTO tags VALUES (CAST(x'610061' AS TEXT), '" DIGITS
                    "', 1, 2, 0, '');",
        BASE TAGS_0 "INSERT INTO properties VALUES ('previous_revision', 'x');",
    };
    apr_array_header_t *tags;
    struct error error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (read_history(state, maker_database(state, bad[i]), &tags, &error))
            fail_msg("accepted case %zu", i);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
    assert_false(read_history(
        state,
        maker_database(state, BASE TAGS_0
                       "UPDATE properties SET value = '2.0' WHERE key = 'schema';"),
        &tags, &error));
    assert_int_equal(error.code, ERROR_UNSUPPORTED);
}

static const struct CMUnitTest history_tests[] = {
    UNIT_TEST(reads_what_it_writes),         UNIT_TEST(changes_what_others_wrote),
    UNIT_TEST(brings_revision_0_up_to_date), UNIT_TEST(reads_revision_0),
    UNIT_TEST(refuses_damaged_ones),
};

UNIT_MAIN(history_tests)
