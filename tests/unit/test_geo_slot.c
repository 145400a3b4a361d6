/* SPDX-License-Identifier: Apache-2.0 */
/* When a geo database is replaced, by a clock of our own. */
#include "tests/unit/unit.h"
#include "libreplica/operate/geo_slot.h"

#define NOON INT64_C(1760443200) /* a Tuesday */
#define DAY  86400

static const struct geo_slot_rules usual = {
    .weekday = 2, .hour = 10, .minimum_days = 14, .maximum_days = 28};

static enum geo_slot_verdict judge(struct geo_slot_rules rules, int64_t age, int weekday,
                                   int hour, int minute)
{
    struct tm local = {.tm_wday = weekday, .tm_hour = hour, .tm_min = minute};

    return geo_slot_judge(&rules, NOON, &local, NOON - age);
}

static void keeps_to_age_day_and_hour(void **state)
{
    static const struct {
        int64_t age;
        int weekday, hour, minute;
        enum geo_slot_verdict verdict;
    } cases[] = {
        {0, 2, 12, 0, GEO_SLOT_FRESH},
        {-3 * DAY, 2, 12, 0, GEO_SLOT_FRESH}, /* from the future */
        {14 * DAY, 2, 12, 0, GEO_SLOT_FRESH},
        {15 * DAY - 1, 2, 12, 0, GEO_SLOT_FRESH}, /* whole days count */
        {15 * DAY, 2, 12, 0, GEO_SLOT_DUE},
        {15 * DAY, 2, 10, 0, GEO_SLOT_DUE},
        {15 * DAY, 2, 9, 59, GEO_SLOT_WAIT},
        {15 * DAY, 2, 23, 59, GEO_SLOT_DUE},
        {15 * DAY, 1, 12, 0, GEO_SLOT_WAIT},
        {15 * DAY, 3, 12, 0, GEO_SLOT_WAIT},
        {29 * DAY - 1, 3, 12, 0, GEO_SLOT_WAIT},
        {29 * DAY, 3, 0, 0, GEO_SLOT_DUE_VERY_OLD},
        {29 * DAY, 2, 12, 0, GEO_SLOT_DUE_VERY_OLD},
        {NOON, 5, 3, 0, GEO_SLOT_DUE_VERY_OLD},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (judge(usual, cases[i].age, cases[i].weekday, cases[i].hour,
                  cases[i].minute) != cases[i].verdict)
            fail_msg("case %zu", i);
}

static void tries_once_a_day(void **state)
{
    struct geo_slot_rules rules = usual;

    rules.tried_already = true;
    assert_int_equal(judge(rules, 15 * DAY, 2, 12, 0), GEO_SLOT_TRIED);
    assert_int_equal(judge(rules, 29 * DAY, 5, 12, 0), GEO_SLOT_TRIED);
    assert_int_equal(judge(rules, 15 * DAY, 5, 12, 0), GEO_SLOT_WAIT);
    assert_int_equal(judge(rules, 1 * DAY, 2, 12, 0), GEO_SLOT_FRESH);
}

static void waits_for_its_minute(void **state)
{
    struct geo_slot_rules rules = usual;

    rules.delay_minutes = 90;
    assert_int_equal(judge(rules, 15 * DAY, 2, 11, 29), GEO_SLOT_WAIT);
    assert_int_equal(judge(rules, 15 * DAY, 2, 11, 30), GEO_SLOT_DUE);
    assert_int_equal(judge(rules, 29 * DAY, 2, 0, 0), GEO_SLOT_DUE_VERY_OLD);
}

static void spreads_hosts_over_the_slot(void **state)
{
    int least = 10000, most = 0;

    for (int i = 0; i < 500; i++) {
        const char *name = apr_psprintf(unit_pool(state), "host%d.example.net", i);
        int delay = geo_slot_delay(name, 10);

        assert_int_equal(delay, geo_slot_delay(name, 10));
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
        assert_in_range(geo_slot_delay(name, 23), 0, 29);
    }
    assert_in_range(least, 0, 15);
    assert_in_range(most, 345, 359);
}

static const struct CMUnitTest geo_slot_tests[] = {
    UNIT_TEST(keeps_to_age_day_and_hour),
    UNIT_TEST(tries_once_a_day),
    UNIT_TEST(waits_for_its_minute),
    UNIT_TEST(spreads_hosts_over_the_slot),
};

UNIT_MAIN(geo_slot_tests)
