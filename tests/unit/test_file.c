/* SPDX-License-Identifier: Apache-2.0 */
/* Small files outside the trees, and trees that are removed. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libreplica/store/file.h"

static bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

static const char *below(void **state, const char *folder, const char *name)
{
    return apr_pstrcat(unit_pool(state), folder, "/", name, NULL);
}

static void replacing_sets_the_mode_whatever_the_umask(void **state)
{
    const char *path = below(state, unit_folder(state), "file");
    mode_t old = umask(0077);
    struct stat status;
    struct error error;

    assert_ok(file_replace(path, text_of("one"), 0644, unit_pool(state), &error), &error);
    assert_ok(file_replace(path, text_of("two"), 0640, unit_pool(state), &error), &error);
    umask(old);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void a_secret_that_others_may_read_is_refused(void **state)
{
    const char *path = below(state, unit_folder(state), "secret");
    struct error error;
    struct text text;

    assert_ok(file_replace(path, text_of("one"), 0600, unit_pool(state), &error), &error);
    assert_ok(file_read_secret(&text, path, 10, unit_pool(state), &error), &error);
    assert_true(text_equals(text, "one"));
    for (mode_t bit = 01; bit <= 040; bit <<= 1) {
        assert_int_equal(chmod(path, 0400 | bit), 0);
        assert_false(file_read_secret(&text, path, 10, unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_PERMISSION);
        assert_non_null(strstr(error.message, "chmod 0400"));
    }
}

static void writing_never_replaces(void **state)
{
    const char *path = below(state, unit_folder(state), "file");
    struct error error;

    assert_ok(file_write(path, text_of("one"), 0644, &error), &error);
    assert_false(file_write(path, text_of("two"), 0644, &error));
}

static void a_tree_goes_with_all_that_is_in_it(void **state)
{
    const char *folder = unit_folder(state), *tree = below(state, folder, "tree");
    struct error error;

    assert_ok(
        file_make_directory(below(state, tree, "a/b/c"), 0755, unit_pool(state), &error),
        &error);
    assert_ok(file_write(below(state, tree, "a/file"), text_of("x"), 0400, &error),
              &error);
    assert_int_equal(mkfifo(below(state, tree, "a/b/fifo"), 0600), 0);
    assert_ok(file_remove_tree(tree, &error), &error);
    assert_false(exists(tree));
    assert_true(exists(folder));
    assert_ok(file_remove_tree(tree, &error), &error);
}

static void links_are_removed_and_never_followed(void **state)
{
    const char *folder = unit_folder(state), *tree = below(state, folder, "tree");
    const char *outside = below(state, folder, "outside");
    const char *precious = below(state, outside, "precious");
    struct error error;

    assert_int_equal(mkdir(tree, 0755), 0);
    assert_int_equal(mkdir(outside, 0755), 0);
    assert_ok(file_write(precious, text_of("x"), 0644, &error), &error);
    assert_int_equal(symlink(outside, below(state, tree, "folder")), 0);
    assert_int_equal(symlink(precious, below(state, tree, "file")), 0);
    assert_int_equal(symlink("nowhere", below(state, tree, "dangling")), 0);
    assert_ok(file_remove_tree(tree, &error), &error);
    assert_false(exists(tree));
    assert_true(exists(precious));
    assert_int_equal(symlink(outside, tree), 0);
    assert_ok(file_remove_tree(tree, &error), &error);
    assert_false(exists(tree));
    assert_true(exists(precious));
}

static void a_tree_that_is_too_deep_is_an_error_not_a_crash(void **state)
{
    const char *folder = unit_folder(state);
    int fd = open(folder, O_RDONLY | O_DIRECTORY);
    struct error error;

    for (int depth = 0; depth < 300; depth++) {
        int next;

        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_false(file_remove_tree(below(state, folder, "d"), &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static const struct CMUnitTest file_tests[] = {
    UNIT_TEST(replacing_sets_the_mode_whatever_the_umask),
    UNIT_TEST(a_secret_that_others_may_read_is_refused),
    UNIT_TEST(writing_never_replaces),
    UNIT_TEST(a_tree_goes_with_all_that_is_in_it),
    UNIT_TEST(links_are_removed_and_never_followed),
    UNIT_TEST(a_tree_that_is_too_deep_is_an_error_not_a_crash),
};

UNIT_MAIN(file_tests)
