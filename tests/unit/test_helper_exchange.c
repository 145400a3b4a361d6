/* SPDX-License-Identifier: Apache-2.0 */
/* What a helper has read and written: one reply for each line, however the bytes come,
 * and whenever the process ends. */
#include "tests/unit/unit.h"
#include "squid-helpers/helper_exchange.h"

/* Everything that came out. */
struct outlet {
    char *bytes;
    size_t length;
};

static void echo(void *baton, const struct helper_request *request,
                 struct helper_reply *reply)
{
    (void)baton;
    helper_reply_begin(reply, request, "OK");
    if (request->fields.length < 100)
        helper_reply_pair(reply, "f_", request->fields);
}

static void refuse(void *baton, const struct helper_request *request,
                   struct helper_reply *reply)
{
    (void)baton;
    helper_reply_broken(reply, request, "x");
}

static struct helper_exchange *exchange_create(void **state)
{
    struct helper_exchange *exchange = apr_pcalloc(unit_pool(state), sizeof(*exchange));

    helper_exchange_start(exchange, true);
    return exchange;
}

static size_t read_into(struct helper_exchange *exchange, struct text *input, size_t most)
{
    char *bytes;
    size_t room = helper_exchange_room(exchange, &bytes);
    size_t length = most < room ? most : room;

    assert_int_not_equal(room, 0);
    length = length < input->length ? length : input->length;
    memcpy(bytes, input->bytes, length);
    input->bytes += length;
    input->length -= length;
    return length;
}

static void write_out(struct helper_exchange *exchange, struct outlet *outlet,
                      size_t most)
{
    struct text output = helper_exchange_output(exchange);
    size_t length = most < output.length ? most : output.length;

    memcpy(outlet->bytes + outlet->length, output.bytes, length);
    outlet->length += length;
    outlet->bytes[outlet->length] = '\0';
    helper_exchange_wrote(exchange, length);
}

static const char *run(void **state, const char *input, size_t most)
{
    struct helper_exchange *exchange = exchange_create(state);
    struct text rest = text_of(input);
    struct outlet outlet = {apr_palloc(unit_pool(state), 8 * 1024 * 1024), 0};

    *outlet.bytes = '\0';
    while (rest.length > 0) {
        helper_exchange_take(exchange, read_into(exchange, &rest, most));
        while (!helper_exchange_run(exchange, echo, NULL))
            write_out(exchange, &outlet, 777);
        write_out(exchange, &outlet, SIZE_MAX);
    }
    assert_false(helper_exchange_has_line(exchange));
    return outlet.bytes;
}

static void lines_may_come_in_any_pieces(void **state)
{
    static const char input[] = "1 a\n22 b c\n\nx\n3\n4 last\n5 without its end";
    static const char expected[] =
        "1 OK f_=\" a\"\n22 OK f_=\" b c\"\n"
        "BH message=\"the query does not begin with a channel\"\n"
        "BH message=\"the query does not begin with a channel\"\n3 OK f_=\"\"\n"
        "4 OK f_=\" last\"\n";

    for (size_t most = 1; most < sizeof(input); most++)
        assert_string_equal(run(state, input, most), expected);
}

static void lines_that_are_too_long_are_refused_once(void **state)
{
    static const size_t pieces[] = {1000, 65536, 65537, 65540, 131072, 1 << 20};
    const size_t size = HELPER_LINE_SIZE_MAX;
    char *input = apr_pcalloc(unit_pool(state), 10 * size);

    memset(input, 'a', 4 * size);
    memcpy(input, "12 ", 3);
    strcpy(input + 4 * size, "\n13 b\n");
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(run(state, input, pieces[i]),
                            "12 BH message=\"the query is too long\"\n13 OK f_=\" b\"\n");
    /* Exactly as long as it may be, and one byte more. */
    strcpy(input + size, "\n");
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(run(state, input, pieces[i]), "12 OK\n");
    strcpy(input + size, "a\n");
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(run(state, input, pieces[i]),
                            "12 BH message=\"the query is too long\"\n");
}

static void a_channel_may_be_as_long_as_a_line(void **state)
{
    char *input = apr_pcalloc(unit_pool(state), HELPER_LINE_SIZE_MAX + 2);
    const char *output;

    memset(input, '9', HELPER_LINE_SIZE_MAX);
    strcpy(input + HELPER_LINE_SIZE_MAX, "\n");
    output = run(state, input, SIZE_MAX);
    assert_int_equal(strspn(output, "9"), HELPER_LINE_SIZE_MAX);
    assert_string_equal(output + HELPER_LINE_SIZE_MAX, " OK f_=\"\"\n");
}

/* Ends at random places, most of them between a system call and noting what it did. */
static void run_with_deaths(struct helper_exchange *exchange, struct text rest,
                            struct outlet *outlet)
{
    while (rest.length > 0 || helper_exchange_has_line(exchange)) {
        size_t length = read_into(exchange, &rest, (size_t)rand() % 3000);
        struct text output;
        size_t unnoted = 0;

        if (rand() % 2 == 0)
            helper_exchange_take(exchange, length);
        if (rand() % 2 == 0)
            helper_exchange_run(exchange, echo, NULL);
        output = helper_exchange_output(exchange);
        if (output.length > 0 && rand() % 2 == 0) {
            unnoted = 1 + (size_t)rand() % output.length;
            memcpy(outlet->bytes + outlet->length, output.bytes, unnoted);
            outlet->length += unnoted;
        }
        assert_true(helper_exchange_recover(exchange, unnoted));
        while (!helper_exchange_run(exchange, refuse, NULL))
            write_out(exchange, outlet, SIZE_MAX);
        write_out(exchange, outlet, SIZE_MAX);
    }
}

static void every_line_is_answered_once_whenever_it_ends(void **state)
{
    struct helper_exchange *exchange = exchange_create(state);
    struct outlet outlet = {apr_palloc(unit_pool(state), 16 * 1024 * 1024), 0};
    char *input = apr_palloc(unit_pool(state), 1024 * 1024), *end = input;
    const char *line = outlet.bytes;

    srand(20261120);
    for (int i = 0; i < 20000; i++)
        end += sprintf(end, "%d %.*s\n", i, rand() % 40,
                       "----------------------------------------");
    run_with_deaths(exchange, (struct text){input, (size_t)(end - input)}, &outlet);
    for (int i = 0; i < 20000; i++) {
        if (atoi(line) != i)
            fail_msg("line %d: %.40s", i, line);
        line = strchr(line, '\n') + 1;
    }
    assert_ptr_equal(line, outlet.bytes + outlet.length);
}

static void notices_damage(void **state)
{
    struct helper_exchange *exchange = exchange_create(state);

    assert_false(helper_exchange_recover(exchange, 1));
    exchange->places[0].end = HELPER_INPUT_SIZE + 1;
    assert_false(helper_exchange_recover(exchange, 0));
}

static const struct CMUnitTest helper_exchange_tests[] = {
    UNIT_TEST(lines_may_come_in_any_pieces),
    UNIT_TEST(lines_that_are_too_long_are_refused_once),
    UNIT_TEST(a_channel_may_be_as_long_as_a_line),
    UNIT_TEST(every_line_is_answered_once_whenever_it_ends),
    UNIT_TEST(notices_damage),
};
UNIT_MAIN(helper_exchange_tests)
