/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: order, what is retained, what is not new, several writers. */
#include "tests/unit/unit.h"
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sqlite3.h>
#include "libreplica/events/event_log.h"
#include "libreplica/events/event_watch.h"

static const char *log_path(void **state)
{
    return apr_pstrcat(unit_pool(state), unit_folder(state), "/events/log.db", NULL);
}

static struct event_record event_of(const char *topic, int64_t revision,
                                    const char *payload)
{
    static char marks[64][32];
    static unsigned int next;
    char *mark = marks[next++ % 64];

    apr_snprintf(mark, 32, "%d-hash", (int)revision);
    return (struct event_record){.topic = topic,
                                 .kind = EVENT_ACTIVITY,
                                 .revision = revision,
                                 .mark = mark,
                                 .time = apr_time_now(),
                                 .source = "test",
                                 .payload = text_of(payload)};
}

static enum event_fate store(int64_t *sequence, const char *log,
                             struct event_record event, apr_pool_t *pool)
{
    enum event_fate fate;
    struct error error;

    assert_ok(event_log_append(&fate, sequence, log, &event, pool, &error), &error);
    return fate;
}

static void what_is_appended_is_read_in_order(void **state)
{
    const char *log = log_path(state);
    apr_pool_t *pool = unit_pool(state);
    apr_array_header_t *events, *topics = apr_array_make(pool, 1, sizeof(char *));
    int64_t first, second, third;
    struct error error;
    struct event_record *event;

    assert_int_equal(store(&first, log, event_of("a", 1, "one"), pool), EVENT_STORED);
    assert_int_equal(store(&second, log, event_of("b", 9, "two"), pool), EVENT_STORED);
    assert_int_equal(store(&third, log, event_of("a", 2, "three"), pool), EVENT_STORED);
    assert_true(first < second && second < third);
    assert_ok(event_log_read(&events, log, first, NULL, 10, pool, &error), &error);
    assert_int_equal(events->nelts, 2);
    event = &APR_ARRAY_IDX(events, 0, struct event_record);
    assert_true(event->sequence == second && event->revision == 9);
    assert_string_equal(event->topic, "b");
    assert_string_equal(event->source, "test");
    assert_true(text_equals(event->payload, "two"));
    APR_ARRAY_PUSH(topics, const char *) = "a";
    assert_ok(event_log_read(&events, log, 0, topics, 10, pool, &error), &error);
    assert_int_equal(events->nelts, 2);
    assert_ok(event_log_read(&events, log, 0, NULL, 1, pool, &error), &error);
    assert_int_equal(events->nelts, 1);
    assert_ok(event_log_last(&event, log, "a", pool, &error), &error);
    assert_true(event->sequence == third);
    assert_ok(event_log_last(&event, log, "c", pool, &error), &error);
    assert_null(event);
    assert_ok(event_log_retained(&events, log, pool, &error), &error);
    assert_int_equal(events->nelts, 2);
    assert_true(APR_ARRAY_IDX(events, 1, struct event_record).sequence == third);
}

static void a_log_that_is_not_there_holds_nothing(void **state)
{
    const char *log = log_path(state);
    apr_array_header_t *events;
    struct error error;
    struct event_record *event;

    assert_ok(event_log_read(&events, log, 0, NULL, 10, unit_pool(state), &error),
              &error);
    assert_int_equal(events->nelts, 0);
    assert_ok(event_log_last(&event, log, "a", unit_pool(state), &error), &error);
    assert_null(event);
}

static void the_same_is_known_and_older_is_not_taken(void **state)
{
    const char *log = log_path(state);
    apr_pool_t *pool = unit_pool(state);
    int64_t first, again;
    struct error error;
    struct event_record *last;

    store(&first, log, event_of("a", 5, "five"), pool);
    assert_int_equal(store(&again, log, event_of("a", 5, "signed anew"), pool),
                     EVENT_KNOWN);
    assert_true(again == first);
    assert_ok(event_log_last(&last, log, "a", pool, &error), &error);
    assert_true(text_equals(last->payload, "signed anew"));
    assert_int_equal(store(&again, log, event_of("a", 4, "four"), pool), EVENT_OLDER);
    assert_ok(event_log_last(&last, log, "a", pool, &error), &error);
    assert_true(last->sequence == first && last->revision == 5);
    assert_int_equal(store(&again, log, event_of("b", 4, "four"), pool), EVENT_STORED);
}

/* Also if the file was lost: a subscriber that goes on from a number must not miss what
 * comes. */
static void sequences_only_grow(void **state)
{
    const char *log = log_path(state);
    apr_pool_t *pool = unit_pool(state);
    int64_t before, after;

    store(&before, log, event_of("a", 1, ""), pool);
    usleep(2000);
    assert_int_equal(unlink(log), 0);
    store(&after, log, event_of("a", 1, ""), pool);
    assert_true(after > before);
}

static int count_rows(const char *log)
{
    sqlite3_stmt *statement;
    sqlite3 *database;
    int rows;

    assert_int_equal(sqlite3_open(log, &database), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(database, "SELECT count(*) FROM events", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    rows = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return rows;
}

static void fill_log(const char *log, int rows)
{
    char sql[512];
    sqlite3 *database;

    snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
        " INSERT INTO events (topic, kind, revision, mark, time, source, payload)"
        " SELECT 'busy', 0, i, i || '-hash', 0, 'test', x'61' FROM n",
        rows);
    assert_int_equal(sqlite3_open(log, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void old_events_go_but_the_last_of_a_topic_stays(void **state)
{
    const char *log = log_path(state);
    apr_pool_t *pool = unit_pool(state);
    int rows = EVENT_LOG_KEPT + 500;
    struct error error;
    struct event_record *last;
    int64_t sequence;

    store(&sequence, log, event_of("quiet", 7, "kept"), pool);
    fill_log(log, rows);
    for (int i = 0; i < 64; i++)
        store(&sequence, log, event_of("busy", rows + 1 + i, "x"), pool);
    assert_in_range(count_rows(log), EVENT_LOG_KEPT, EVENT_LOG_KEPT + 65);
    assert_ok(event_log_last(&last, log, "quiet", pool, &error), &error);
    assert_non_null(last);
    assert_true(text_equals(last->payload, "kept"));
}

/* Different users' processes: the group may write, whatever the umask. */
static void the_file_is_for_its_group(void **state)
{
    const char *log = log_path(state);
    mode_t old = umask(077);
    struct stat status;

    store(NULL, log, event_of("a", 1, ""), unit_pool(state));
    umask(old);
    assert_int_equal(stat(log, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0664);
    assert_int_equal(stat(apr_pstrcat(unit_pool(state), log, "-journal", NULL), &status),
                     0);
    assert_int_equal(status.st_mode & 0777, 0664);
}

static void damage_is_an_error_and_changes_nothing(void **state)
{
    const char *log = log_path(state);
    apr_pool_t *pool = unit_pool(state);
    struct event_record event = event_of("a", 1, "");
    apr_array_header_t *events;
    enum event_fate fate;
    struct error error;
    FILE *file;

    store(NULL, log, event, pool);
    file = fopen(log, "r+");
    fputs("this is no database", file);
    fclose(file);
    assert_false(event_log_append(&fate, NULL, log, &event, pool, &error));
    assert_int_equal(error.code, ERROR_BAD_FORMAT);
    assert_false(event_log_read(&events, log, 0, NULL, 10, pool, &error));
    event.payload.length = EVENT_PAYLOAD_MAX + 1;
    assert_false(event_log_append(&fate, NULL, log, &event, pool, &error));
    assert_int_equal(error.code, ERROR_TOO_LARGE);
}

#define WRITERS     4
#define EVENTS_EACH 20

static void write_some(const char *log, int number)
{
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    for (int i = 1; i <= EVENTS_EACH; i++)
        store(NULL, log, event_of(apr_psprintf(pool, "t%d", number), i, "x"), pool);
    _exit(0);
}

static void several_processes_write_at_once(void **state)
{
    const char *log = log_path(state);
    apr_array_header_t *events;
    struct error error;
    int status;

    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0)
            write_some(log, i);
    for (int i = 0; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_ok(event_log_read(&events, log, 0, NULL, 1000, unit_pool(state), &error),
              &error);
    assert_int_equal(events->nelts, WRITERS * EVENTS_EACH);
}

static bool is_woken(int fd, const char *log)
{
    struct pollfd wait = {fd, POLLIN, 0};

    return poll(&wait, 1, 10000) == 1 && event_watch_take(fd, log);
}

static void a_reader_wakes_up_for_a_writer_and_not_for_a_reader(void **state)
{
    const char *log = log_path(state);
    apr_array_header_t *events;
    struct pollfd wait;
    struct error error;
    int fd;

    assert_ok(event_watch_open(&fd, log, unit_pool(state), &error), &error);
    store(NULL, log, event_of("a", 1, ""), unit_pool(state));
    assert_true(is_woken(fd, log));
    event_watch_take(fd, log);
    assert_ok(event_log_read(&events, log, 0, NULL, 10, unit_pool(state), &error),
              &error);
    wait = (struct pollfd){fd, POLLIN, 0};
    assert_int_equal(poll(&wait, 1, 0), 0);
    unlink(log);
    store(NULL, log, event_of("a", 2, ""), unit_pool(state));
    assert_true(is_woken(fd, log));
}

static const struct CMUnitTest event_log_tests[] = {
    UNIT_TEST(what_is_appended_is_read_in_order),
    UNIT_TEST(a_log_that_is_not_there_holds_nothing),
    UNIT_TEST(the_same_is_known_and_older_is_not_taken),
    UNIT_TEST(sequences_only_grow),
    UNIT_TEST(old_events_go_but_the_last_of_a_topic_stays),
    UNIT_TEST(the_file_is_for_its_group),
    UNIT_TEST(damage_is_an_error_and_changes_nothing),
    UNIT_TEST(several_processes_write_at_once),
    UNIT_TEST(a_reader_wakes_up_for_a_writer_and_not_for_a_reader),
};
UNIT_MAIN(event_log_tests)
