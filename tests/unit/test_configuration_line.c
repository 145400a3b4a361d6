/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration lines are read back as they were meant. */
#include "tests/unit/unit.h"

#include "libreplica/base/settings.h"
#include "libreplica/operate/configuration_line.h"

static void a_plain_value_stays_bare(void **state)
{
    const char *text = "# first\n";
    struct error error;

    assert_ok(configuration_line(&text, "CVMFS_STRATUM0", "http://a.b:8/c%20d",
                                 unit_pool(state), &error),
              &error);
    assert_string_equal(text, "# first\nCVMFS_STRATUM0=http://a.b:8/c%20d\n");
}

static void an_empty_value_has_no_quotes(void **state)
{
    const char *text = "";

    assert_true(
        configuration_line(&text, "CVMFS_SNAPSHOT_GROUP", "", unit_pool(state), NULL));
    assert_string_equal(text, "CVMFS_SNAPSHOT_GROUP=\n");
}

static void what_a_shell_would_touch_is_quoted_and_read_back(void **state)
{
    static const char *const values[] = {"a b", "$(reboot)", "`x`",      "a;b",
                                         "\"",  "a\\b",      "#",        "~",
                                         "*",   "a&b",       "h\xc3\xa4"};

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct settings *settings = settings_create(unit_pool(state));
        const char *text = "";
        struct error error;

        assert_ok(configuration_line(&text, "CVMFS_STRATUM0", values[i], unit_pool(state),
                                     &error),
                  &error);
        assert_ok(settings_parse(settings, SETTING_SCOPE_REPOSITORY, "file",
                                 text_of(text), &error),
                  &error);
        assert_string_equal(settings_text(settings, SETTING_STRATUM0), values[i]);
    }
}

static void what_would_end_the_line_is_refused(void **state)
{
    static const char *const values[] = {"a\nCVMFS_USER=root", "it's", "\r", "\x7f"};

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        const char *text = "";
        struct error error;

        assert_false(configuration_line(&text, "CVMFS_STRATUM0", values[i],
                                        unit_pool(state), &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_string_equal(text, "");
    }
}

static const struct CMUnitTest configuration_line_tests[] = {
    UNIT_TEST(a_plain_value_stays_bare),
    UNIT_TEST(an_empty_value_has_no_quotes),
    UNIT_TEST(what_a_shell_would_touch_is_quoted_and_read_back),
    UNIT_TEST(what_would_end_the_line_is_refused),
};

UNIT_MAIN(configuration_line_tests)
