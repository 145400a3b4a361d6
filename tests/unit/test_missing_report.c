/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of missing objects: what is written is read, and nothing else is. */
#include "tests/unit/unit.h"
#include "libreplica/format/missing_report.h"

#define DIGEST "0123456789abcdef0123456789abcdef01234567"

static void what_is_written_is_read(void **state)
{
    static const char *const names[] = {DIGEST, DIGEST "C", DIGEST "-rmd160P",
                                        DIGEST "-shake128X"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char line[MISSING_REPORT_SIZE], name[OBJECT_NAME_SIZE];
        struct object object, read;
        struct text repository;
        size_t length;

        assert_true(object_parse_name(&object, text_of(names[i])));
        length = missing_report_format(line, text_of("sw.example.net"), &object);
        assert_int_equal(line[length - 1], '\n');
        assert_true(
            missing_report_parse(&repository, &read, (struct text){line, length - 1}));
        assert_true(text_equals(repository, "sw.example.net"));
        assert_string_equal(object_name(name, &read), names[i]);
    }
}

static void the_longest_name_fits_and_a_longer_one_is_refused(void **state)
{
    char name[62], line[MISSING_REPORT_SIZE];
    struct object object;

    memset(name, 'a', sizeof(name));
    assert_true(object_parse_name(&object, text_of(DIGEST "-shake128C")));
    assert_int_equal(missing_report_format(line, (struct text){name, 60}, &object),
                     60 + 1 + 50 + 1);
    assert_int_equal(missing_report_format(line, (struct text){name, 61}, &object), 0);
}

static void nothing_else_is_read(void **state)
{
    static const char *const lines[] = {
        "",
        " ",
        "a.b",
        "a.b ",
        " " DIGEST,
        "a.b  " DIGEST,
        "a.b " DIGEST " ",
        "../x " DIGEST,
        "a/b " DIGEST,
        "a.b " DIGEST "T",
        "a.b " DIGEST "CC",
        "a.b 0123",
        "a.b 0123456789ABCDEF0123456789abcdef01234567",
        "\xff " DIGEST,
    };
    struct text repository;
    struct object object;

    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        assert_false(missing_report_parse(&repository, &object, text_of(lines[i])));
    assert_false(missing_report_parse(&repository, &object,
                                      (struct text){"a.b " DIGEST "\0", 45}));
}

static const struct CMUnitTest missing_report_tests[] = {
    UNIT_TEST(what_is_written_is_read),
    UNIT_TEST(the_longest_name_fits_and_a_longer_one_is_refused),
    UNIT_TEST(nothing_else_is_read),
};

UNIT_MAIN(missing_report_tests)
