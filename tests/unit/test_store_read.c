/* SPDX-License-Identifier: Apache-2.0 */
/* Opening files for a server: regular files of the tree and nothing else. */
#include "tests/unit/unit.h"
#include "libreplica/store/store_read.h"

#include <sys/stat.h>
#include <unistd.h>

#define DIGITS "d3d49a5c64f21f36936ab350d49aaf57585b9a"

static const char *below(void **state, const char *folder, const char *name)
{
    return apr_pstrcat(unit_pool(state), folder, "/", name, NULL);
}

static void write_file(const char *path, const char *content)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(content, file);
    fclose(file);
}

static struct object example(void)
{
    struct object object;

    assert_true(object_parse_name(&object, text_of("6e" DIGITS "C")));
    return object;
}

/* A tree with one object, "abc". */
static const char *make_tree(void **state)
{
    const char *root = unit_folder(state);

    assert_int_equal(mkdir(below(state, root, "data"), 0755), 0);
    assert_int_equal(mkdir(below(state, root, "data/6e"), 0755), 0);
    write_file(below(state, root, "data/6e/" DIGITS "C"), "abc");
    return root;
}

static void opens_objects_and_files(void **state)
{
    const char *root = make_tree(state);
    struct object object = example();
    struct store_read file;
    struct error error;
    char bytes[4];

    assert_ok(store_read_object(&file, root, &object, &error), &error);
    assert_int_equal(file.size, 3);
    assert_int_equal(read(file.fd, bytes, sizeof(bytes)), 3);
    close(file.fd);
    write_file(below(state, root, ".cvmfspublished"), "");
    assert_ok(store_read_named(&file, root, text_of(".cvmfspublished"), &error), &error);
    assert_int_equal(file.size, 0);
    close(file.fd);
    object.type = OBJECT_FILE;
    assert_false(store_read_object(&file, root, &object, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
}

static void opens_nothing_but_regular_files(void **state)
{
    static const char *const names[] = {"folder", "fifo", "link", "dangling", "a/b"};
    const char *root = make_tree(state);
    struct store_read file;
    struct error error;

    write_file(below(state, root, "a"), "");
    assert_int_equal(mkdir(below(state, root, "folder"), 0755), 0);
    assert_int_equal(mkfifo(below(state, root, "fifo"), 0644), 0);
    assert_int_equal(symlink("a", below(state, root, "link")), 0);
    assert_int_equal(symlink("nowhere", below(state, root, "dangling")), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (store_read_named(&file, root, text_of(names[i]), &error))
            fail_msg("opened %s", names[i]);
        assert_int_equal(error.code, ERROR_NOT_FOUND);
    }
}

static void follows_a_linked_root_and_data(void **state)
{
    const char *root = make_tree(state), *outside = unit_folder(state);
    struct object object = example();
    struct store_read file;
    struct error error;

    assert_int_equal(symlink(root, below(state, outside, "root")), 0);
    assert_ok(store_read_object(&file, below(state, outside, "root"), &object, &error),
              &error);
    close(file.fd);
    assert_int_equal(symlink(below(state, root, "data"), below(state, outside, "data")),
                     0);
    assert_ok(store_read_object(&file, outside, &object, &error), &error);
    close(file.fd);
}

static void follows_an_alternative_only_to_its_object(void **state)
{
    static const char *const bad[] = {"/etc/passwd", "../data/6e/" DIGITS "C",
                                      "data/6e/" DIGITS, "data/6e/" DIGITS "CC",
                                      "data/../data/6e/" DIGITS "C"};
    const char *root = make_tree(state);
    const char *link = below(state, root, ".cvmfsalt-6e" DIGITS "C");
    struct object object = example();
    struct store_read file;
    struct error error;

    assert_false(store_read_alternative(&file, root, &object, &error));
    assert_int_equal(error.code, ERROR_NOT_FOUND);
    assert_int_equal(symlink("data/6e/" DIGITS "C", link), 0);
    assert_ok(store_read_alternative(&file, root, &object, &error), &error);
    assert_int_equal(file.size, 3);
    close(file.fd);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(unlink(link), 0);
        assert_int_equal(symlink(bad[i], link), 0);
        assert_false(store_read_alternative(&file, root, &object, &error));
        assert_int_equal(error.code, ERROR_NOT_FOUND);
    }
    assert_int_equal(unlink(link), 0);
    write_file(link, "copied");
    assert_ok(store_read_alternative(&file, root, &object, &error), &error);
    assert_int_equal(file.size, 6);
    close(file.fd);
}

static void finds_the_files_of_the_server(void **state)
{
    const char *storage = unit_folder(state);
    struct store_read file;
    struct error error;

    assert_false(store_read_info(&file, storage, text_of("meta.json"), &error));
    assert_int_equal(mkdir(below(state, storage, "info"), 0755), 0);
    assert_int_equal(mkdir(below(state, storage, "info/v1"), 0755), 0);
    write_file(below(state, storage, "elsewhere"), "{}");
    assert_int_equal(
        symlink("../../elsewhere", below(state, storage, "info/v1/meta.json")), 0);
    assert_ok(store_read_info(&file, storage, text_of("meta.json"), &error), &error);
    assert_int_equal(file.size, 2);
    close(file.fd);
}

static const struct CMUnitTest store_read_tests[] = {
    UNIT_TEST(opens_objects_and_files),
    UNIT_TEST(opens_nothing_but_regular_files),
    UNIT_TEST(follows_a_linked_root_and_data),
    UNIT_TEST(follows_an_alternative_only_to_its_object),
    UNIT_TEST(finds_the_files_of_the_server),
};

UNIT_MAIN(store_read_tests)
