/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of rule files: words, quotes, comments, includes, and where errors are. */
#include "tests/unit/unit.h"
#include "libreplica/format/rule_lines.h"

struct file {
    const char *name, *text;
};

static bool find_file(struct text *content, void *baton, const char *name,
                      apr_pool_t *pool, struct error *error)
{
    (void)pool;
    for (const struct file *file = baton; file->name != NULL; file++)
        if (strcmp(file->name, name) == 0) {
            *content = text_of(file->text);
            return true;
        }
    return error_set(error, ERROR_NOT_FOUND, "%s is not there", name);
}

/* Writes "file:number[word][word]", a quoted word in "". */
static bool note_line(void *baton, const struct rule_line *line, struct error *error)
{
    char *out = baton;

    if (text_equals(line->words[0], "wrong"))
        return error_set(error, ERROR_BAD_FORMAT, "a wrong word");
    sprintf(out + strlen(out), "%s:%d", line->file, line->number);
    for (int i = 0; i < line->count; i++)
        sprintf(out + strlen(out), line->is_quoted[i] ? "\"%.*s\"" : "[%.*s]",
                (int)line->words[i].length, line->words[i].bytes);
    return true;
}

static bool read_files(void **state, char *out, const struct file *files,
                       struct error *error)
{
    struct rule_source source = {find_file, (void *)files};

    *out = '\0';
    return rule_lines_read(files->name, &source, note_line, out, unit_pool(state), error);
}

static void splits_lines_into_words(void **state)
{
    static const struct file files[] = {
        {"a", "# only a comment\n\n one\ttwo # more\r\n\"q \\\" \\\\ # q\" b\"c\nlast"},
        {NULL, NULL}};
    struct error error;
    char out[500];

    assert_ok(read_files(state, out, files, &error), &error);
    assert_string_equal(out, "a:3[one][two]a:4\"q \" \\ # q\"[b\"c]a:5[last]");
}

static void includes_stand_where_they_are_named(void **state)
{
    static const struct file files[] = {{"/etc/a", "1\ninclude b\n2\ninclude /c/d\n"},
                                        {"/etc/b", "\n3"},
                                        {"/c/d", "include e\n"},
                                        {"/c/e", "4\n"},
                                        {NULL, NULL}};
    struct error error;
    char out[500];

    assert_ok(read_files(state, out, files, &error), &error);
    assert_string_equal(out, "/etc/a:1[1]/etc/b:2[3]/etc/a:3[2]/c/e:1[4]");
}

static void errors_say_where_they_are(void **state)
{
    static const struct file cases[][3] = {
        {{"a", "\n\"open\n"}, {"a:2: a quote is not closed", ""}},
        {{"a", "\"x\"y\n"}, {"a:1: a blank has to follow a closed quote", ""}},
        {{"a", "1\nwrong\n"}, {"a:2: a wrong word", ""}},
        {{"a", "include\n"}, {"a:1: include takes the name of one file", ""}},
        {{"a", "include b c\n"}, {"a:1: include takes the name of one file", ""}},
        {{"a", "\ninclude b\n"}, {"a:2: b is not there", ""}},
    };
    static const struct file nested[] = {
        {"a", "\n\ninclude b\n"}, {"b", "1\nwrong\n"}, {NULL, NULL}};
    struct error error;
    char out[500];

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct file files[2] = {cases[i][0], {NULL, NULL}};

        assert_false(read_files(state, out, files, &error));
        assert_string_equal(error.message, cases[i][1].name);
    }
    assert_false(read_files(state, out, nested, &error));
    assert_string_equal(error.message, "b:2: a wrong word");
}

static void a_file_that_includes_itself_is_refused(void **state)
{
    static const struct file self[] = {{"a", "include a\n"}, {NULL, NULL}};
    static const struct file twice[] = {{"a", "include b\ninclude b\n"},
                                        {"b", "include c\ninclude c\n"},
                                        {"c", "include d\ninclude d\n"},
                                        {"d", "include e\ninclude e\n"},
                                        {"e", "include f\ninclude f\n"},
                                        {"f", "include g\ninclude g\n"},
                                        {"g", "include h\ninclude h\n"},
                                        {"h", "include i\ninclude i\n"},
                                        {"i", "\n"},
                                        {NULL, NULL}};
    struct error error;
    char out[500];

    assert_false(read_files(state, out, self, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
    assert_non_null(strstr(error.message, "itself"));
    assert_false(read_files(state, out, twice, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static void too_many_words_are_refused(void **state)
{
    char text[4 * RULE_WORDS_MAX] = "", out[500];
    struct file files[] = {{"a", text}, {NULL, NULL}};
    struct error error;

    for (int i = 0; i <= RULE_WORDS_MAX; i++)
        strcat(text, "w ");
    assert_false(read_files(state, out, files, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

static const struct CMUnitTest rule_lines_tests[] = {
    UNIT_TEST(splits_lines_into_words),
    UNIT_TEST(includes_stand_where_they_are_named),
    UNIT_TEST(errors_say_where_they_are),
    UNIT_TEST(a_file_that_includes_itself_is_refused),
    UNIT_TEST(too_many_words_are_refused),
};
UNIT_MAIN(rule_lines_tests)
