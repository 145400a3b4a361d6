/* SPDX-License-Identifier: Apache-2.0 */
/* Errors: codes, prefixes, and nothing in a message that a terminal could take for a
 * command. */
#include "tests/unit/unit.h"

#include <errno.h>

static void keeps_code_and_context(void **state)
{
    struct error error;

    assert_false(error_set(&error, ERROR_TOO_LARGE, "%d bytes", 7));
    assert_false(error_prefix(&error, "file %s", "x"));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_string_equal(error.message, "file x: 7 bytes");
    assert_false(error_set_errno(&error, ENOSPC, "cannot write"));
    assert_int_equal(error.code, ERROR_NO_SPACE);
    assert_string_equal(error.message, "cannot write: No space left on device");
    assert_false(error_set(NULL, ERROR_IO, "nobody listens"));
    assert_false(error_prefix(NULL, "nobody listens"));
}

static void shows_printable_utf8_only(void **state)
{
    static const struct {
        const char *given, *shown;
    } cases[] = {
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
         "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"a\x1b[31mb\nc\td\x7f", "a?[31mb?c?d?"},
        {"\xff\xff\xffycle_bin", "???ycle_bin"},
        {"\xc0\xaf|\xc1\x81|\xf5\x80\x80\x80", "??|??|????"},
        {"\xe0\x80\xaf|\xed\xa0\x80|\xf0\x80\x80\x80|\xf4\x90\x80\x80",
         "???|???|????|????"},
        {"cut\xe2\x82", "cut??"},
        {"\xc3", "?"},
        {"\x80z", "?z"},
    };
    struct error error;

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        error_set(&error, ERROR_IO, "%s", cases[i].given);
        assert_string_equal(error.message, cases[i].shown);
    }
}

static void cuts_long_messages(void **state)
{
    char text[1000];
    struct error error;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set(&error, ERROR_IO, "%s", text);
    error_prefix(&error, "%s", text);
    assert_int_equal(strlen(error.message), ERROR_MESSAGE_SIZE - 1);
    /* A sequence that the end cuts in two is not half shown. */
    memset(text, 'x', ERROR_MESSAGE_SIZE - 2);
    strcpy(text + ERROR_MESSAGE_SIZE - 2, "\xc3\xa9");
    error_set(&error, ERROR_IO, "%s", text);
    assert_int_equal(error.message[ERROR_MESSAGE_SIZE - 2], '?');
}

static const struct CMUnitTest error_tests[] = {
    UNIT_TEST(keeps_code_and_context),
    UNIT_TEST(shows_printable_utf8_only),
    UNIT_TEST(cuts_long_messages),
};

UNIT_MAIN(error_tests)
