/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks in the log files. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <unistd.h>
#include "libreplica/operate/run_log.h"

static const char *content_of(void **state, const char *path)
{
    char *content = apr_pcalloc(unit_pool(state), 10000);
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_true(read(fd, content, 9999) >= 0);
    close(fd);
    return content;
}

static void end(struct run_log *log, const char *path)
{
    struct error error;
    int fd = run_log_open(path, &error);

    assert_true(fd >= 0);
    assert_ok(run_log_end(log, fd, &error), &error);
    close(fd);
}

static void runs_side_by_side_do_not_mix(void **state)
{
    const char *path = apr_pstrcat(unit_pool(state), unit_folder(state), "/log", NULL);
    struct run_log *one = run_log_begin("one", unit_pool(state));
    struct run_log *two = run_log_begin("two", unit_pool(state));
    struct error error;
    const char *text;

    run_log_say(one, "Starting 16 workers");
    run_log_say(two, "Initial snapshot");
    error_set(&error, ERROR_IO, "the line went down");
    run_log_error(two, "snapshot", &error);
    run_log_say(one, "Serving revision 3");
    end(two, path);
    end(one, path);
    text = content_of(state, path);
    assert_memory_equal(text, "\nStarting two at ", 17);
    text = strstr(text, "\nInitial snapshot\nthe line went down\n"
                        "ERROR from cvmfs_server snapshot!\nFinished two at ");
    assert_non_null(text);
    text = strstr(text, "\n\nStarting one at ");
    assert_non_null(text);
    text = strstr(text, "\nStarting 16 workers\nServing revision 3\nFinished one at ");
    assert_non_null(text);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void says_what_it_cannot_open_or_write(void **state)
{
    const char *folder = unit_folder(state);
    struct run_log *log = run_log_begin("one", unit_pool(state));
    struct error error;
    int fd = open("/dev/full", O_WRONLY);

    assert_int_equal(run_log_open(folder, &error), -1);
    assert_non_null(strstr(error.message, folder));
    assert_true(fd >= 0);
    assert_false(run_log_end(log, fd, &error));
    assert_int_equal(error.code, ERROR_NO_SPACE);
    close(fd);
}

static const struct CMUnitTest run_log[] = {
    UNIT_TEST(runs_side_by_side_do_not_mix),
    UNIT_TEST(says_what_it_cannot_open_or_write),
};
UNIT_MAIN(run_log)
