/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of Squid's logs. */
#include "tests/unit/unit.h"
#include "libreplica/format/proxy_log.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define HEAD         "192.0.2.1 - - [20/Nov/2026:23:04:46 +0000] "
#define OBJECT       "/data/ab/00000000000000000000000000000000000000"

struct row {
    const char *text;
    int status;
    int bytes;
    const char *marks; /* h hit, d denied, e no request */
    const char *kind, *repository, *rule, *store_id, *rewrite;
};

static const struct row rows[] = {
    /* The shipped format. */
    {HEAD "\"GET http://h/cvmfs/a.b" OBJECT
          " HTTP/1.1\" 200 260 \"cvmfs \\\"x\\\" \\\\\" "
          "TCP_MISS:FIRSTUP_PARENT 4 data a.b rules:3 http://g.replica.internal/x "
          "lines:1,lines:2",
     200, 260, "", "data", "a.b", "rules:3", "http://g.replica.internal/x",
     "lines:1,lines:2"},
    {HEAD "\"GET http://h/x HTTP/1.1\" 200 1 \"-\" TCP_MEM_HIT:HIER_NONE 0 geo a.b - - -",
     200, 1, "h", "geo", "a.b", "", "", ""},
    {HEAD "\"PUT http://h/x HTTP/1.0\" 403 3404 \"-\" TCP_DENIED:HIER_NONE 0 other - "
          "rules:1 - -",
     403, 3404, "d", "other", "", "rules:1", "", ""},
    /* What a note says is no name of a repository. */
    {HEAD
     "\"GET http://h/x HTTP/1.1\" 200 1 \"-\" TCP_MISS:HIER_NONE 0 geo x%22%20 - - -",
     200, 1, "", "geo", "", "", "", ""},
    /* Without notes, with too few, with more. */
    {HEAD "\"GET http://h/cvmfs/a.b/.cvmfspublished HTTP/1.1\" 200 9 \"-\" "
          "TCP_HIT:HIER_NONE 3",
     200, 9, "h", "manifest", "a.b", "", "", ""},
    {HEAD "\"GET http://h/cvmfs/a.b/.cvmfspublished HTTP/1.1\" 200 9 \"-\" "
          "TCP_HIT:HIER_NONE 3 - - r:1 - - more and more",
     200, 9, "h", "manifest", "a.b", "r:1", "", ""},
    {HEAD "\"GET http://h/cvmfs/a.b/api/v1.0/geo/x/y HTTP/1.1\" 200 9 \"-\" "
          "TCP_HIT:HIER_NONE 3 unknown x.y r:1",
     200, 9, "h", "geo", "a.b", "r:1", "", ""},
    /* Squid's own formats. */
    {HEAD "\"GET http://h/cvmfs/a.b" OBJECT "C HTTP/1.1\" 304 9 "
          "TCP_REFRESH_UNMODIFIED:HIER_NONE",
     304, 9, "h", "catalog", "a.b", "", "", ""},
    {HEAD "\"GET http://h/cvmfs/a.b/.cvmfswhitelist HTTP/1.1\" 200 9 \"-\" \"agent\" "
          "TCP_REFRESH_MODIFIED:FIRSTUP_PARENT",
     200, 9, "", "meta", "a.b", "", "", ""},
    {"1763679886.123     12 192.0.2.1 TCP_IMS_HIT/304 1234 GET "
     "http://h/cvmfs/info/v1/meta.json - HIER_NONE/- text/plain",
     304, 1234, "h", "info", "", "", "", ""},
    /* Quotes in a URL are not escaped; blanks are there if Squid was told to let them. */
    {HEAD "\"GET http://h/cvmfs/a.b/api/\"x\\ HTTP/1.1\" 200 9 \"-\" TCP_CF_HIT:H 1", 200,
     9, "h", "geo", "a.b", "", "", ""},
    {HEAD "\"GET http://h/cvmfs/a.b/api/x HTTP/ y HTTP/1.1\" 200 9 \"-\" TCP_MISS:H 1",
     200, 9, "", "geo", "a.b", "", "", ""},
    {HEAD "\"- error:transaction-end-before-headers HTTP/0.0\" 0 0 \"-\" "
          "NONE_NONE:HIER_NONE 0 - - - - -",
     0, 0, "e", "other", "", "", "", ""},
    {HEAD "\"CONNECT h:443 HTTP/1.1\" 503 - \"-\" NONE_ABORTED:HIER_NONE", 503, 0, "",
     "other", "", "", "", ""},
};

static bool try_line(struct proxy_log_line *line, const char *text, struct error *error)
{
    static char buffer[1000];

    assert_true(strlen(text) <= sizeof(buffer));
    return proxy_log_parse(line, text_of(text), buffer, error);
}

static void lines_say_what_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct proxy_log_line line;
        struct error error;
        char marks[4];

        assert_ok(try_line(&line, row->text, &error), &error);
        snprintf(marks, sizeof(marks), "%s%s%s", line.is_hit ? "h" : "",
                 line.is_denied ? "d" : "", line.is_request ? "" : "e");
        if (line.status != row->status || line.bytes != row->bytes ||
            strcmp(marks, row->marks) != 0 ||
            strcmp(policy_kind_name(line.kind), row->kind) != 0 ||
            !text_equals(line.repository, row->repository) ||
            !text_equals(line.rule, row->rule) ||
            !text_equals(line.store_id, row->store_id) ||
            !text_equals(line.rewrite, row->rewrite))
            fail_msg("%s: %d, %lld, %s, %s", row->text, line.status,
                     (long long)line.bytes, marks, policy_kind_name(line.kind));
        assert_true(text_equals(line.client, "192.0.2.1"));
    }
}

static void other_lines_are_bad(void **state)
{
    static const char *const cases[][2] = {
        {"", "client ident user [time]"},
        {"garbage", "client ident user [time]"},
        {"a - - 20/Nov/2026", "client ident user [time]"},
        {"a - - [20/Nov/2026", "client ident user [time]"},
        {HEAD, "method URL"},
        {HEAD "GET / HTTP/1.1\" 200 1 TCP_HIT:H", "method URL"},
        {HEAD "\"GET\"", "method URL"},
        {HEAD "\"GET /\" 200 1 TCP_HIT:H", "method URL"},
        {HEAD "\"GET / HTTP/1.1\"", "method URL"},
        {HEAD "\"GET / HTTP/1.1\" x 1 TCP_HIT:H", "no status"},
        {HEAD "\"GET / HTTP/1.1\" 1000 1 TCP_HIT:H", "no status"},
        {HEAD "\"GET / HTTP/1.1\" 200 9223372036854775807 TCP_HIT:H", "no status"},
        {HEAD "\"GET / HTTP/1.1\" 200 1", "no result"},
        {HEAD "\"GET / HTTP/1.1\" 200 1 \"agent", "no result"},
        {HEAD "\"GET / HTTP/1.1\" 200 1 \"\\\" TCP_HIT:H", "no result"},
        {HEAD "\"GET / HTTP/1.1\" 200 1 TCP_HIT", "no result"},
        {"1763679886.123 ", "native"},
        {"1763679886.123 1 a TCP_HIT 1 GET / -", "native"},
        {"1763679886.123 1 a TCP_HIT/200 1 GET", "native"},
    };
    struct proxy_log_line line;
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (try_line(&line, cases[i][0], &error) ||
            strstr(error.message, cases[i][1]) == NULL)
            fail_msg("%s: %s", cases[i][0], error.message);
        assert_int_equal(error.code, ERROR_BAD_FORMAT);
    }
}

static const struct CMUnitTest proxy_log_tests[] = {
    UNIT_TEST(lines_say_what_the_table_says),
    UNIT_TEST(other_lines_are_bad),
};
UNIT_MAIN(proxy_log_tests)
