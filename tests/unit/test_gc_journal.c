/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of garbage collection: what is written is read, damage is noticed. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>
#include "libreplica/operate/gc_journal.h"

#define DIGITS "e8ec3d88b62ebf526e4e5a4ff6162a3aa48a6b7"

static struct store *make_store(void **state, const char **path)
{
    const char *root =
        apr_pstrcat(unit_pool(state), unit_folder(state), "/sw.example.net", NULL);
    struct store *store;
    struct error error;

    assert_ok(store_create(root, unit_pool(state), &error), &error);
    assert_ok(store_open(&store, root, NULL, unit_pool(state), &error), &error);
    *path = apr_pstrcat(unit_pool(state), root, "/" GC_JOURNAL_NAME, NULL);
    return store;
}

static struct object object_of(const char *name)
{
    struct object object;

    assert_true(object_parse_name(&object, text_of(name)));
    return object;
}

static void write_journal(void **state, struct store *store)
{
    static const struct {
        const char *name;
        enum gc_section section;
        unsigned int depth;
    } entries[] = {{DIGITS "0C", GC_SECTION_CATALOGS, 0},
                   {DIGITS "1C", GC_SECTION_CATALOGS, 0},
                   {DIGITS "2-rmd160C", GC_SECTION_CATALOGS, 3},
                   {DIGITS "3", GC_SECTION_DATA, 0},
                   {DIGITS "4-shake128P", GC_SECTION_DATA, 0},
                   {DIGITS "5X", GC_SECTION_AUXILIARY, 0}};
    struct gc_journal_writer *writer;
    struct hash manifest = object_of(DIGITS "f").hash;
    struct error error;

    assert_ok(gc_journal_create(&writer, store, "sw.example.net", &manifest,
                                unit_pool(state), &error),
              &error);
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        struct object object = object_of(entries[i].name);

        assert_ok(
            gc_journal_add(writer, entries[i].section, entries[i].depth, &object, &error),
            &error);
    }
    assert_ok(gc_journal_finish(writer, &error), &error);
}

static bool collect(void *baton, enum gc_section section, unsigned int depth,
                    const struct object *object, struct error *error)
{
    char **end = baton, name[OBJECT_NAME_SIZE];

    *end += sprintf(*end, "%d.%u:%s ", (int)section, depth,
                    object != NULL ? object_name(name, object) + 39 : "|");
    return true;
}

static bool read_journal(void **state, struct store *store, const char **content,
                         struct gc_journal *journal, bool *found, struct error *error)
{
    char *all = apr_pcalloc(unit_pool(state), 1000), *end = all;

    *content = all;
    return gc_journal_read(journal, found, store, collect, &end, unit_pool(state), error);
}

static void gives_what_was_written(void **state)
{
    const char *path, *content;
    struct store *store = make_store(state, &path);
    struct gc_journal journal;
    struct error error;
    bool found;

    assert_ok(read_journal(state, store, &content, &journal, &found, &error), &error);
    assert_false(found);
    write_journal(state, store);
    assert_ok(read_journal(state, store, &content, &journal, &found, &error), &error);
    assert_true(found);
    assert_string_equal(content, "0.0:0C 0.0:1C 0.0:| 0.3:2-rmd160C 0.3:| "
                                 "1.0:3 1.0:4-shake128P 1.0:| 2.0:5X 2.0:| ");
    assert_string_equal(journal.fqrn, "sw.example.net");
    assert_int_equal(journal.objects, 6);
    assert_true(journal.manifest.digest[19] == 0x7f);
    assert_ok(gc_journal_drop(store, &error), &error);
    assert_ok(read_journal(state, store, &content, &journal, &found, &error), &error);
    assert_false(found);
}

static void is_not_there_before_it_is_finished(void **state)
{
    const char *path;
    struct store *store = make_store(state, &path);
    struct object object = object_of(DIGITS "0C");
    struct gc_journal_writer *writer;
    struct error error;

    assert_ok(
        gc_journal_create(&writer, store, "a.b", &object.hash, unit_pool(state), &error),
        &error);
    assert_ok(gc_journal_add(writer, GC_SECTION_CATALOGS, 0, &object, &error), &error);
    assert_int_equal(access(path, F_OK), -1);
    assert_ok(gc_journal_finish(writer, &error), &error);
    assert_int_equal(access(path, F_OK), 0);
}

static size_t load(char *bytes, size_t size, const char *path)
{
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, bytes, size);

    close(fd);
    assert_true(length > 0);
    return (size_t)length;
}

static void save(const char *path, const char *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0644);

    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

/* Whatever is cut off, and whichever bit is other. */
static void notices_all_damage(void **state)
{
    const char *path, *content;
    struct store *store = make_store(state, &path);
    struct gc_journal journal;
    char bytes[2000];
    size_t length;
    struct error error;
    bool found;

    write_journal(state, store);
    length = load(bytes, sizeof(bytes), path);
    for (size_t cut = 0; cut < length; cut++) {
        save(path, bytes, cut);
        assert_false(read_journal(state, store, &content, &journal, &found, &error));
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
    for (size_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        save(path, bytes, length);
        if (read_journal(state, store, &content, &journal, &found, &error))
            fail_msg("did not notice bit %zu", bit);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    memcpy(bytes + length, "x\n", 2);
    save(path, bytes, length + 2);
    assert_false(read_journal(state, store, &content, &journal, &found, &error));
}

/* More than fits into one block of reading. */
static void reads_long_journals(void **state)
{
    const char *path;
    struct store *store = make_store(state, &path);
    struct object object = object_of(DIGITS "0");
    struct gc_journal_writer *writer;
    struct gc_journal journal;
    struct error error;
    bool found;

    assert_ok(
        gc_journal_create(&writer, store, "a.b", &object.hash, unit_pool(state), &error),
        &error);
    for (int i = 0; i < 10007; i++) {
        object.hash.digest[0] = (unsigned char)i;
        object.type = i % 2 ? OBJECT_CHUNK : OBJECT_FILE;
        assert_ok(gc_journal_add(writer, GC_SECTION_DATA, 0, &object, &error), &error);
    }
    assert_ok(gc_journal_finish(writer, &error), &error);
    assert_ok(
        gc_journal_read(&journal, &found, store, NULL, NULL, unit_pool(state), &error),
        &error);
    assert_int_equal(journal.objects, 10007);
}

static void refuses_lines_of_another_form(void **state)
{
    static const char *const bad[] = {"",
                                      "catalogs",
                                      "catalogs x",
                                      "catalogs -1",
                                      "catalogs 70000",
                                      "data ",
                                      "replica gc journal 2",
                                      "repository ",
                                      "repository a/b",
                                      "manifest ",
                                      "manifest " DIGITS,
                                      "end",
                                      "end 5",
                                      "end 5 " DIGITS,
                                      "end x " DIGITS "0",
                                      DIGITS "0T",
                                      DIGITS "0 ",
                                      DIGITS,
                                      "../../etc/passwd"};
    struct gc_line line;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (gc_line_parse(&line, text_of(bad[i])))
            fail_msg("accepted '%s'", bad[i]);
}

static const struct CMUnitTest gc_journal[] = {
    UNIT_TEST(gives_what_was_written),
    UNIT_TEST(is_not_there_before_it_is_finished),
    UNIT_TEST(notices_all_damage),
    UNIT_TEST(reads_long_journals),
    UNIT_TEST(refuses_lines_of_another_form),
};
UNIT_MAIN(gc_journal)
