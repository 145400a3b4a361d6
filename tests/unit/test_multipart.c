/* SPDX-License-Identifier: Apache-2.0 */
/* Forms: the same parts however the body is cut. */
#include "tests/unit/unit.h"

#include "libreplica/format/multipart.h"

#define TYPE "multipart/form-data; boundary=b"

/* What the events of a body were: "name/file:data;" for each part, then "." or "!". */
static const char *parse(const char *type, struct text body, size_t piece,
                         apr_pool_t *pool)
{
    struct multipart *form = apr_palloc(pool, sizeof(*form));
    const char *seen = "";

    if (!multipart_start(form, text_of(type)))
        return "?";
    while (body.length > 0) {
        size_t length = piece < body.length ? piece : body.length;
        struct text input = {apr_pstrmemdup(pool, body.bytes, length), length}, data;
        enum multipart_event event;

        body = (struct text){body.bytes + length, body.length - length};
        while ((event = multipart_next(form, &data, &input)) != MULTIPART_MORE) {
            if (event == MULTIPART_END)
                return apr_pstrcat(pool, seen, ".", NULL);
            if (event == MULTIPART_BAD)
                return apr_pstrcat(pool, seen, "!", NULL);
            if (event == MULTIPART_PART)
                seen = apr_psprintf(pool, "%s%.*s/%.*s:", seen, (int)form->name.length,
                                    form->name.bytes, (int)form->file_name.length,
                                    form->file_name.bytes);
            if (event == MULTIPART_DATA)
                seen = apr_psprintf(pool, "%s%.*s", seen, (int)data.length, data.bytes);
            if (event == MULTIPART_PART_END)
                seen = apr_pstrcat(pool, seen, ";", NULL);
        }
    }
    return seen;
}

static void expect(const char *type, const char *body, const char *expected, void **state)
{
    for (size_t piece = 1; piece <= strlen(body) + 1; piece++)
        assert_string_equal(parse(type, text_of(body), piece, unit_pool(state)),
                            expected);
}

static void parts_are_found(void **state)
{
    expect(TYPE,
           "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; "
           "filename=\"a b\"\r\nContent-Type: x/y\r\n\r\none\r\n--b  \r\n"
           "content-disposition: form-data; filename=c;name=d\r\n\r\ntwo\r\n\r\n"
           "\r\n--b--\r\nepilogue\r\n--b\r\n",
           "file/a b:one;d/c:two\r\n\r\n;.", state);
    expect(TYPE, "--b\r\n\r\n\r\n--b--", "/:;.", state);
    expect(TYPE, "--b--", ".", state);
}

static void what_only_begins_like_a_delimiter_is_data(void **state)
{
    expect(TYPE, "--b\r\n\r\n\r\n-\r\n--\r\r\n--c\r\n--\r\n--b--",
           "/:\r\n-\r\n--\r\r\n--c\r\n--;.", state);
}

static void quotes_and_escapes(void **state)
{
    expect("Multipart/Form-Data; charset=x; boundary=\"a;b\"",
           "--a;b\r\nContent-Disposition: form-data; x=\"; name=no\"; name=\"f\\\"g\"; "
           "filename=\"h\\\\i\\j%22\"\r\n\r\n\r\n--a;b--",
           "f\"g/h\\i\\j%22:;.", state);
}

static void what_is_no_form(void **state)
{
    expect("text/plain; boundary=b", "x", "?", state);
    expect("multipart/form-data", "x", "?", state);
    expect("multipart/form-data; boundary=", "x", "?", state);
    expect(TYPE, "--b\r\n\r\nx\r\n--bad\r\n", "/:x;!", state);
    expect(TYPE, "--b\r\n\r\nx\r\n--b", "/:x;", state);
}

static void headers_have_an_end(void **state)
{
    apr_pool_t *pool = unit_pool(state);
    char *body = apr_palloc(pool, 20000);

    memset(body, 'x', 20000);
    memcpy(body, "--b\r\n", 5);
    assert_string_equal(parse(TYPE, (struct text){body, 20000}, 1000, pool), "!");
}

static const struct CMUnitTest multipart_tests[] = {
    UNIT_TEST(parts_are_found),     UNIT_TEST(what_only_begins_like_a_delimiter_is_data),
    UNIT_TEST(quotes_and_escapes),  UNIT_TEST(what_is_no_form),
    UNIT_TEST(headers_have_an_end),
};

UNIT_MAIN(multipart_tests)
