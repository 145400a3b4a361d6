/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the number of connections, against models of servers and lines. */
#include "tests/unit/unit.h"
#include "libreplica/net/connection_limit.h"

#define MOST        64
#define MILLISECOND 1000

struct server {
    int round_trip;    /* milliseconds */
    int rate;          /* objects a second that it can answer, 0: any */
    int refuses_above; /* transfers at once that it stands; 0: any */
    int fails_every;   /* one of so many tries breaks; 0: none */
    int object_bytes;
};

struct line {
    struct server server;
    struct connection_limit limit;
    apr_time_t now;
    apr_time_t ends[512]; /* of the transfers under way */
    int running;
    apr_time_t server_free; /* when it has answered all it was asked so far */
    int64_t objects, refused;
    int highest;
};

static void start(struct line *line)
{
    apr_time_t work = line->server.rate > 0 ? APR_USEC_PER_SEC / line->server.rate : 0;
    apr_time_t begin = line->now > line->server_free ? line->now : line->server_free;

    line->server_free = begin + work;
    line->ends[line->running++] =
        begin + work + (apr_time_t)line->server.round_trip * MILLISECOND;
}

static enum try_end outcome(struct line *line)
{
    const struct server *server = &line->server;

    if (server->refuses_above > 0 && line->running > server->refuses_above) {
        line->refused++;
        return TRY_OVERLOADED;
    }
    line->objects++;
    connection_limit_receive(&line->limit, server->object_bytes);
    return server->fails_every > 0 && line->objects % server->fails_every == 0
               ? TRY_FAILED
               : TRY_GOOD;
}

/* Let SECONDS pass with as much work as the limit allows. */
static void run(struct line *line, int seconds)
{
    apr_time_t end = line->now + apr_time_from_sec(seconds);

    for (; line->now < end; line->now += MILLISECOND) {
        while (line->running < line->limit.limit)
            start(line);
        for (int i = line->running - 1; i >= 0; i--)
            if (line->ends[i] <= line->now) {
                connection_limit_note(&line->limit, outcome(line), true, line->now);
                line->ends[i] = line->ends[--line->running];
            }
        connection_limit_update(&line->limit, line->now);
        if (line->limit.limit > line->highest)
            line->highest = line->limit.limit;
        assert_in_range(line->limit.limit, 1, line->limit.most);
    }
}

static struct line line_to(struct server server, int most)
{
    struct line line = {.server = server, .now = 1000000};

    connection_limit_init(&line.limit, most, line.now);
    return line;
}

static void starts_with_eight_or_what_is_allowed(void **state)
{
    struct line line = line_to((struct server){.round_trip = 1}, MOST);

    assert_int_equal(line.limit.limit, 8);
    line = line_to((struct server){.round_trip = 1}, 3);
    assert_int_equal(line.limit.limit, 3);
    run(&line, 5);
    assert_int_equal(line.limit.limit, 3);
}

static void opens_up_over_a_long_line(void **state)
{
    struct line line = line_to((struct server){.round_trip = 150}, MOST);

    run(&line, 2);
    assert_int_equal(line.limit.limit, MOST);
    line = line_to((struct server){.round_trip = 50}, MOST);
    run(&line, 1);
    assert_int_equal(line.limit.limit, MOST);
}

static void stays_small_where_more_brings_nothing(void **state)
{
    struct line line = line_to((struct server){.round_trip = 1, .rate = 1000}, MOST);

    run(&line, 60);
    assert_in_range(line.limit.limit, 4, 16);
    assert_in_range(line.highest, 8, 20);
    assert_true(line.objects > 59000);
}

static void finds_what_a_server_can_answer(void **state)
{
    struct line line = line_to((struct server){.round_trip = 100, .rate = 200}, 512);

    /* 20 fill the line; nobody needs 512. */
    run(&line, 60);
    assert_in_range(line.limit.limit, 16, 64);
    assert_true(line.objects > 60 * 200 * 9 / 10);
}

static void gives_way_to_a_server_that_refuses(void **state)
{
    struct line line =
        line_to((struct server){.round_trip = 100, .refuses_above = 20}, MOST);

    run(&line, 120);
    assert_in_range(line.limit.limit, 4, 30);
    assert_true(line.refused * 20 < line.objects);
}

static void gives_way_to_failures_and_comes_back(void **state)
{
    struct line line = line_to((struct server){.round_trip = 50}, MOST);

    run(&line, 5);
    assert_int_equal(line.limit.limit, MOST);
    line.server.fails_every = 2;
    run(&line, 10);
    assert_in_range(line.limit.limit, 1, 4);
    line.server.fails_every = 0;
    run(&line, 60);
    assert_true(line.limit.limit >= MOST / 2);
}

static void bears_a_failure_now_and_then(void **state)
{
    struct line line =
        line_to((struct server){.round_trip = 50, .fails_every = 200}, MOST);

    run(&line, 20);
    assert_true(line.limit.limit >= MOST / 2);
}

static void learns_nothing_while_there_is_little_to_do(void **state)
{
    struct connection_limit limit;
    apr_time_t now = 0;

    connection_limit_init(&limit, MOST, now);
    for (int i = 0; i < 1000; i++) {
        now += 20 * MILLISECOND;
        connection_limit_note(&limit, TRY_GOOD, false, now);
        connection_limit_update(&limit, now);
    }
    assert_int_equal(limit.limit, 8);
}

static const struct CMUnitTest connection_limit_tests[] = {
    UNIT_TEST(starts_with_eight_or_what_is_allowed),
    UNIT_TEST(opens_up_over_a_long_line),
    UNIT_TEST(stays_small_where_more_brings_nothing),
    UNIT_TEST(finds_what_a_server_can_answer),
    UNIT_TEST(gives_way_to_a_server_that_refuses),
    UNIT_TEST(gives_way_to_failures_and_comes_back),
    UNIT_TEST(bears_a_failure_now_and_then),
    UNIT_TEST(learns_nothing_while_there_is_little_to_do),
};

UNIT_MAIN(connection_limit_tests)
