/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs that are changed, judged by the rules of every catalog. */
#include <sqlite3.h>
#include <sys/stat.h>
#include "tests/unit/unit.h"
#include "libreplica/format/catalog_editor.h"
#include "libreplica/format/catalog_rules.h"

struct world {
    apr_pool_t *pool;
    const char *folder;
    const char *path; /* of a catalog */
    struct catalog_editor *editor;
};

static struct world begin(void **state)
{
    struct world world = {unit_pool(state), unit_folder(state)};
    struct error error;

    world.path = apr_pstrcat(world.pool, world.folder, "/catalog", NULL);
    assert_ok(catalog_editor_create(&world.editor, world.path, world.pool, &error),
              &error);
    return world;
}

static void add(struct catalog_editor *editor, const char *path, unsigned int mode,
                int64_t links, unsigned int flags)
{
    const char *slash = strrchr(path, '/');
    struct catalog_entry entry = {
        .path = path_hash_of(text_of(path)),
        .hardlinks = links,
        .mode = mode,
        .size = S_ISREG(mode) ? 100 : 0,
        .flags = flags | (S_ISDIR(mode) ? CATALOG_DIRECTORY : CATALOG_FILE),
        .name = text_of(slash != NULL ? slash + 1 : ""),
        .xattr = S_ISREG(mode) ? (struct text){"\1\1\1\1ab", 6} : (struct text){"", 0},
    };
    struct error error;

    if (slash != NULL)
        entry.parent = path_hash_of((struct text){path, (size_t)(slash - path)});
    if (S_ISREG(mode) && !(flags & CATALOG_CHUNKED))
        hash_bytes(&entry.hash, HASH_SHA1, "x", 1);
    assert_ok(catalog_editor_add(editor, &entry, &error), &error);
    for (int i = 0; i < 2 && flags & CATALOG_CHUNKED; i++) {
        struct catalog_chunk chunk = {entry.path, 50 * i, 50, {HASH_UNSET}};

        hash_bytes(&chunk.hash, HASH_SHA1, path, strlen(path) - (size_t)i);
        assert_ok(catalog_editor_add_chunk(editor, &chunk, &error), &error);
    }
}

/* /a/b with files in both, one in chunks, two that are linked, and a nested catalog. */
static void fill(struct world *world)
{
    struct catalog_editor *editor = world->editor;
    struct catalog_nested nested = {"/a/b/n", .size = 5};
    struct error error;

    add(editor, "", S_IFDIR | 0755, 3, 0);
    add(editor, "/f", S_IFREG | 0644, 1, 0);
    add(editor, "/a", S_IFDIR | 0755, 3, 0);
    add(editor, "/a/f", S_IFREG | 0644, 1, 0);
    add(editor, "/a/b", S_IFDIR | 0755, 3, 0);
    add(editor, "/a/b/chunked\xff", S_IFREG | 0644, 1, CATALOG_CHUNKED);
    add(editor, "/a/b/h1", S_IFREG | 0644, (int64_t)1 << 32 | 2, 0);
    add(editor, "/a/b/h2", S_IFREG | 0644, (int64_t)1 << 32 | 2, 0);
    add(editor, "/a/b/n", S_IFDIR | 0755, 2, CATALOG_MOUNTPOINT);
    hash_bytes(&nested.hash, HASH_SHA1, "n", 1);
    assert_ok(catalog_editor_add_nested(editor, &nested, &error), &error);
}

static void finish(struct catalog_editor *editor, const char *prefix)
{
    struct catalog_properties properties = {.revision = 2, .root_prefix = prefix};
    struct error error;

    assert_ok(catalog_editor_finish(editor, &properties, &error), &error);
}

static void reopen(struct world *world)
{
    struct error error;

    assert_ok(catalog_editor_close(world->editor, &error), &error);
    assert_ok(catalog_editor_open(&world->editor, world->path, world->pool, &error),
              &error);
}

static bool complain(void *baton, const char *path, const char *sentence,
                     struct error *error)
{
    fail_msg("'%s': %s", path, sentence);
    return false;
}

/* No rule is broken; the paths of all rows, the largest first. */
static const char *judged(struct world *world, bool is_nested)
{
    struct catalog *catalog;
    struct error error;
    const char *words = "";
    sqlite3_stmt *statement;
    sqlite3 *database;

    assert_ok(catalog_open(&catalog, world->path, world->pool, &error), &error);
    assert_ok(catalog_judge(catalog, is_nested, complain, NULL, world->pool, &error),
              &error);
    catalog_close(catalog);
    sqlite3_open(world->path, &database);
    sqlite3_prepare_v2(database,
                       "SELECT name, hardlinks >> 32, hardlinks & 255 FROM"
                       " catalog ORDER BY name",
                       -1, &statement, NULL);
    while (sqlite3_step(statement) == SQLITE_ROW)
        words = apr_psprintf(
            world->pool, "%s%s:%d:%d ", words, sqlite3_column_text(statement, 0),
            sqlite3_column_int(statement, 1), sqlite3_column_int(statement, 2));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return words;
}

static const char everything[] =
    ":0:3 a:0:3 b:0:3 chunked\xff:0:1 f:0:1 f:0:1 h1:1:2 h2:1:2 n:0:2 ";

static void goes_on_where_it_was_closed(void **state)
{
    struct world world = begin(state);

    fill(&world);
    reopen(&world);
    assert_int_equal(catalog_editor_counters(world.editor)->value[CATALOG_COUNT_CHUNKS],
                     2);
    reopen(&world);
    finish(world.editor, "");
    assert_string_equal(judged(&world, false), everything);
}

static void undoes_a_change(void **state)
{
    struct world world = begin(state);
    struct catalog_entry entry;
    struct error error;
    bool found;

    fill(&world);
    assert_ok(catalog_editor_begin(world.editor, &error), &error);
    assert_ok(
        catalog_editor_find(&entry, &found, world.editor, "/a/b/h1", world.pool, &error),
        &error);
    assert_ok(catalog_editor_add_link(world.editor, "/a/b/h3", &entry, &error), &error);
    assert_ok(catalog_editor_remove_tree(world.editor, "/a", CATALOG_WITH_ROOT, &error),
              &error);
    assert_ok(catalog_editor_remove_nested(world.editor, "/a/b/n", &error), &error);
    assert_ok(catalog_editor_end(world.editor, false, &error), &error);
    finish(world.editor, "");
    assert_string_equal(judged(&world, false), everything);
}

static void removes_a_tree_with_its_chunks(void **state)
{
    struct world world = begin(state);
    struct error error;

    fill(&world);
    assert_ok(catalog_editor_remove_tree(world.editor, "/a/b", CATALOG_WITH_ROOT, &error),
              &error);
    assert_ok(catalog_editor_remove_nested(world.editor, "/a/b/n", &error), &error);
    assert_ok(
        catalog_editor_set_links(world.editor, path_hash_of(text_of("/a")), 2, &error),
        &error);
    finish(world.editor, "");
    assert_string_equal(judged(&world, false), ":0:3 a:0:2 f:0:1 f:0:1 ");
}

static void renames_a_tree(void **state)
{
    struct world world = begin(state);
    struct error error;

    fill(&world);
    assert_ok(
        catalog_editor_remove_tree(world.editor, "/a/b/n", CATALOG_WITH_ROOT, &error),
        &error);
    assert_ok(catalog_editor_remove_nested(world.editor, "/a/b/n", &error), &error);
    assert_ok(
        catalog_editor_set_links(world.editor, path_hash_of(text_of("/a/b")), 2, &error),
        &error);
    assert_ok(catalog_editor_rename_tree(world.editor, "/new", "/a", &error), &error);
    finish(world.editor, "");
    assert_string_equal(judged(&world, false),
                        ":0:3 b:0:2 chunked\xff:0:1 f:0:1 f:0:1 h1:1:2 h2:1:2 new:0:3 ");
}

static void copies_a_tree_with_new_groups(void **state)
{
    struct world world = begin(state), other = {world.pool, world.folder};
    struct error error;

    fill(&world);
    assert_ok(catalog_editor_remove_nested(world.editor, "/a/b/n", &error), &error);
    other.path = apr_pstrcat(world.pool, world.folder, "/other", NULL);
    assert_ok(catalog_editor_create(&other.editor, other.path, other.pool, &error),
              &error);
    add(other.editor, "", S_IFDIR | 0755, 3, 0);
    add(other.editor, "/1", S_IFREG | 0644, (int64_t)7 << 32 | 2, 0);
    add(other.editor, "/2", S_IFREG | 0644, (int64_t)7 << 32 | 2, 0);
    assert_ok(
        catalog_editor_remove_tree(world.editor, "/a/b/n", CATALOG_WITH_ROOT, &error),
        &error);
    assert_ok(
        catalog_editor_set_links(world.editor, path_hash_of(text_of("/a/b")), 2, &error),
        &error);
    assert_ok(catalog_editor_copy_tree(other.editor, world.editor, "/copy", "/a/b",
                                       CATALOG_WITH_ROOT, &error),
              &error);
    finish(other.editor, "");
    assert_string_equal(judged(&other, false), ":0:3 1:7:2 2:7:2 chunked\xff:0:1 copy:0:2"
                                               " h1:8:2 h2:8:2 ");
}

static void changes_its_place(void **state)
{
    struct world world = begin(state);
    static const char *const places[] = {"/x", "/x/x/y", "/x", "/z"};
    struct catalog_nested nested;
    struct error error;
    bool found;

    fill(&world);
    assert_ok(catalog_editor_set_flags(world.editor, path_hash_of(text_of("")),
                                       CATALOG_DIRECTORY | CATALOG_NESTED_ROOT, &error),
              &error);
    add(world.editor, "/.cvmfscatalog", S_IFREG | 0644, 1, 0);
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        assert_ok(catalog_editor_set_prefix(world.editor, places[i], &error), &error);
        reopen(&world);
        assert_string_equal(catalog_editor_prefix(world.editor), places[i]);
    }
    assert_ok(catalog_editor_find_nested(&nested, &found, world.editor, "/z/a/b/n",
                                         world.pool, &error),
              &error);
    assert_true(found);
    finish(world.editor, "/z");
    assert_non_null(strstr(judged(&world, true), "z:0:3"));
}

static struct catalog_entry find(struct world *world, const char *path)
{
    struct catalog_entry entry;
    struct error error;
    bool found;

    assert_ok(
        catalog_editor_find(&entry, &found, world->editor, path, world->pool, &error),
        &error);
    assert_true(found);
    return entry;
}

static void keeps_groups_of_hard_links(void **state)
{
    struct world world = begin(state);
    struct catalog_entry entry, changed;
    struct error error;

    fill(&world);
    entry = find(&world, "/a/b/chunked\xff");
    assert_ok(catalog_editor_add_link(world.editor, "/a/b/k2", &entry, &error), &error);
    entry = find(&world, "/a/b/k2");
    assert_ok(catalog_editor_add_link(world.editor, "/a/b/k3", &entry, &error), &error);
    changed = entry = find(&world, "/a/b/k3");
    changed.mode = S_IFREG | 0600;
    changed.xattr.length = 0;
    assert_ok(catalog_editor_change(world.editor, &entry, &changed, &error), &error);
    assert_int_equal(find(&world, "/a/b/k2").mode, S_IFREG | 0600);
    entry = find(&world, "/a/b/chunked\xff");
    assert_ok(catalog_editor_leave_group(world.editor, &entry, &error), &error);
    entry = find(&world, "/a/b/h1");
    assert_ok(catalog_editor_leave_group(world.editor, &entry, &error), &error);
    finish(world.editor, "");
    assert_string_equal(judged(&world, false),
                        ":0:3 a:0:3 b:0:3 chunked\xff:0:1 f:0:1 f:0:1 h1:0:1 h2:0:1"
                        " k2:2:2 k3:2:2 n:0:2 ");
}

static int64_t ask(struct world *world, const char *sql)
{
    sqlite3_stmt *statement;
    sqlite3 *database;
    int64_t answer;

    sqlite3_open(world->path, &database);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), 0);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return answer;
}

static void leaves_no_waste(void **state)
{
    struct world world = begin(state);
    struct error error;

    fill(&world);
    for (int i = 0; i < 2000; i++)
        add(world.editor, apr_psprintf(world.pool, "/a/%d", i), S_IFREG | 0644, 1, 0);
    reopen(&world);
    for (int i = 0; i < 1900; i++)
        assert_ok(catalog_editor_remove_tree(world.editor,
                                             apr_psprintf(world.pool, "/a/%d", i),
                                             CATALOG_WITH_ROOT, &error),
                  &error);
    finish(world.editor, "");
    judged(&world, false);
    assert_int_equal(ask(&world, "SELECT max(rowid) FROM catalog"), 109);
    assert_int_equal(ask(&world, "PRAGMA freelist_count"), 0);
    assert_int_equal(ask(&world, "SELECT count(*) FROM sqlite_schema WHERE name LIKE"
                                 " 'replica%'"),
                     0);
}

static void brings_an_older_schema_to_ours(void **state)
{
    static const char older[] =
        "ALTER TABLE catalog DROP COLUMN xattr; ALTER TABLE catalog DROP COLUMN mtimens;"
        "ALTER TABLE nested_catalogs DROP COLUMN size; DROP TABLE bind_mountpoints;"
        "DELETE FROM statistics WHERE counter GLOB '*_xattr' OR counter GLOB '*_special'"
        " OR counter GLOB '*_external*';"
        "UPDATE catalog SET flags = flags & ~16;"
        "DELETE FROM properties WHERE key = 'schema_revision'";
    struct world world = begin(state);
    sqlite3 *database;
    struct error error;

    fill(&world);
    add(world.editor, "/fifo", S_IFIFO | 0644, 1, CATALOG_SPECIAL);
    finish(world.editor, "");
    sqlite3_open(world.path, &database);
    assert_int_equal(sqlite3_exec(database, older, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    assert_ok(catalog_editor_open(&world.editor, world.path, world.pool, &error), &error);
    assert_int_equal(catalog_editor_stored(world.editor)->value[CATALOG_COUNT_SPECIAL],
                     0);
    add(world.editor, "/g", S_IFREG | 0644, 1, 0);
    finish(world.editor, "");
    judged(&world, false);
    assert_int_equal(ask(&world, "SELECT count(*) FROM statistics"), 24);
    assert_int_equal(ask(&world, "SELECT value FROM properties"
                                 " WHERE key = 'schema_revision'"),
                     7);
}

static void add_group(struct world *world, const char *folder, int64_t number)
{
    for (int i = 0; i < 2; i++)
        add(world->editor, apr_psprintf(world->pool, "%s/g%d-%d", folder, (int)number, i),
            S_IFREG | 0644, number << 32 | 2, 0);
}

static void numbers_groups_from_one_on(void **state)
{
    struct world world = begin(state);
    struct error error;
    int64_t count;

    add(world.editor, "", S_IFDIR | 0755, 2, 0);
    add(world.editor, "/f", S_IFREG | 0644, 1, 0);
    assert_ok(catalog_editor_number_groups(&count, world.editor, &error), &error);
    assert_int_equal(count, 0);
    for (int number = 7; number > 1; number -= 2)
        add_group(&world, "", number);
    assert_ok(catalog_editor_number_groups(&count, world.editor, &error), &error);
    assert_int_equal(count, 3);
    assert_ok(catalog_editor_number_groups(&count, world.editor, &error), &error);
    assert_int_equal(count, 3);
    finish(world.editor, "");
    assert_string_equal(
        judged(&world, false),
        ":0:2 f:0:1 g3-0:1:2 g3-1:1:2 g5-0:2:2 g5-1:2:2 g7-0:3:2 g7-1:3:2 ");
}

static void moves_a_directory_out_and_takes_it_in(void **state)
{
    struct world world = begin(state);
    struct catalog_nested nested = {"/a", .size = 5};
    struct catalog_counters before;
    struct catalog_editor *out;
    struct error error;

    fill(&world);
    before = *catalog_editor_counters(world.editor);
    assert_ok(catalog_editor_create(&out,
                                    apr_pstrcat(world.pool, world.folder, "/out", NULL),
                                    world.pool, &error),
              &error);
    assert_ok(catalog_editor_move_out(out, world.editor, "/a", &error), &error);
    assert_int_equal(catalog_counters_entries(catalog_editor_counters(world.editor)), 3);
    assert_int_equal(catalog_counters_entries(catalog_editor_counters(out)), 7);
    hash_bytes(&nested.hash, HASH_SHA1, "a", 1);
    assert_ok(catalog_editor_add_nested(world.editor, &nested, &error), &error);
    assert_ok(catalog_editor_take_in(world.editor, out, "/a", &error), &error);
    assert_memory_equal(catalog_editor_counters(world.editor), &before, sizeof(before));
    finish(world.editor, "");
    assert_string_equal(judged(&world, false), everything);
    assert_false(catalog_editor_move_out(out, out, "/none", &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static const struct CMUnitTest catalog_changes_tests[] = {
    UNIT_TEST(goes_on_where_it_was_closed),
    UNIT_TEST(undoes_a_change),
    UNIT_TEST(removes_a_tree_with_its_chunks),
    UNIT_TEST(renames_a_tree),
    UNIT_TEST(copies_a_tree_with_new_groups),
    UNIT_TEST(changes_its_place),
    UNIT_TEST(keeps_groups_of_hard_links),
    UNIT_TEST(leaves_no_waste),
    UNIT_TEST(brings_an_older_schema_to_ours),
    UNIT_TEST(numbers_groups_from_one_on),
    UNIT_TEST(moves_a_directory_out_and_takes_it_in),
};

UNIT_MAIN(catalog_changes_tests)
