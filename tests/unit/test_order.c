/* SPDX-License-Identifier: Apache-2.0 */
/* Distances and orders: the reference's values, and that every list gets an answer. */
#include "tests/unit/unit.h"

#include <math.h>
#include "libreplica/geo/order.h"

#define KNOWN(latitude, longitude)                                                       \
    {                                                                                    \
        true,                                                                            \
        {                                                                                \
            latitude, longitude                                                          \
        }                                                                                \
    }

static const struct geo_point cern = {46.2324, 6.0502}, fnal = {41.7768, -88.4604},
                              ihep = {39.9289, 116.3883}, ral = {51.75, -1.25};

/* The places of the golden cases; a list is a string of these letters, x is unknown. */
static const struct geo_place place_a = KNOWN(41.8, -88.3), place_b = KNOWN(40, 116),
                              place_l = KNOWN(46.2, 6.1), unknown = {false, {0, 0}};

static void measures_as_the_reference_does(void **state)
{
    assert_true(fabs(geo_distance(fnal, cern) - 1.11458455) < 1e-8);
    assert_true(fabs(geo_distance(ihep, fnal) - 1.6622382) < 1e-7);
    assert_true(fabs(geo_distance(cern, ral) - 0.1274021) < 1e-7);
    assert_true(fabs(geo_distance(ihep, ral) - 1.2830254) < 1e-7);
    assert_true(fabs(geo_distance(ihep, cern) - 1.2878979) < 1e-7);
    assert_true(geo_distance(ihep, ral) < geo_distance(ihep, cern));
}

static void measures_nearly_to_the_last_bit(void **state)
{
    /* From the same formula in another language; another libm may round otherwise. */
    assert_true(fabs(geo_distance(fnal, cern) - 0x1.1d5569d5a3020p+0) < 1e-15);
    assert_true(fabs(geo_distance(ihep, fnal) - 0x1.a988716afb67dp+0) < 1e-15);
    assert_true(fabs(geo_distance(cern, ral) - 0x1.04eb64862f8bcp-3) < 1e-15);
    assert_true(fabs(geo_distance(ral, ihep) - 0x1.48745a5b693f0p+0) < 1e-15);
}

static void stays_in_the_domain(void **state)
{
    static const struct geo_point poles[] = {{90, 0},  {-90, 0},  {90, 180},
                                             {0, 180}, {0, -180}, {0, 0}};

    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 6; j++) {
            double distance = geo_distance(poles[i], poles[j]);

            assert_true(distance >= 0 && distance <= M_PI);
        }
    assert_true(geo_distance(cern, cern) == 0);
}

static double random_between(double low, double high)
{
    return low + (high - low) * ((double)random() / (double)RAND_MAX);
}

static void near_and_antipodal_points_have_distances(void **state)
{
    srandom(1);
    for (int i = 0; i < 20000; i++) {
        struct geo_point from = {random_between(-90, 90), random_between(-180, 180)};
        struct geo_point near = {from.latitude + random_between(-1e-9, 1e-9),
                                 from.longitude + random_between(-1e-9, 1e-9)};
        struct geo_point antipode = {-from.latitude,
                                     from.longitude + (from.longitude < 0 ? 180 : -180)};
        double distance = geo_distance(from, near);

        assert_true(distance >= 0 && distance < 1e-6);
        distance = geo_distance(from, antipode);
        assert_true(distance > 3.14159 && distance <= M_PI);
    }
}

static struct geo_place place_of(char letter)
{
    return letter == 'A'   ? place_a
           : letter == 'B' ? place_b
           : letter == 'L' ? place_l
                           : unknown;
}

/* The answer for LIST, where + is the separator, from ORIGIN. */
static const char *answer(const char *list, struct geo_place origin, apr_pool_t *pool)
{
    int count = (int)strlen(list), positions[16];
    const char *plus = strchr(list, '+'), *text = "";
    struct geo_place places[16];

    for (int i = 0; i < count; i++)
        places[i] = place_of(list[i]);
    if (!geo_order(positions, NULL, places, count, plus != NULL ? (int)(plus - list) : -1,
                   origin.point))
        return "no server";
    for (int i = 0; i < count; i++)
        text = apr_psprintf(pool, "%s%s%d", text, i > 0 ? "," : "", positions[i]);
    return text;
}

static void answers_the_golden_cases(void **state)
{
    static const char *const cases[][2] = {
        {"AB", "1,2"},          {"BA", "2,1"},        {"AxxAL", "5,1,4,2,3"},
        {"xA", "2,1"},          {"Ax", "1,2"},        {"A+B", "1,3,2"},
        {"AL+BA", "1,2,5,4,3"}, {"A+", "1,2"},        {"Ax+x", "1,2,4,3"},
        {"+B", "no server"},    {"x+A", "no server"}, {"x", "no server"},
        {"xxx", "no server"},   {"+", "no server"},   {"BL+xA", "2,1,5,4,3"},
    };
    apr_pool_t *pool = unit_pool(state);

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_string_equal(answer(cases[i][0], place_l, pool), cases[i][1]);
    assert_string_equal(answer("AB", place_b, pool), "2,1");
    assert_string_equal(answer("ABL", place_b, pool), "2,3,1");
    assert_string_equal(answer("ABL", place_a, pool), "1,3,2");
    assert_string_equal(answer("ABL", place_l, pool), "3,1,2");
}

static void tells_by_what_hosts_were_sorted(void **state)
{
    struct geo_place places[] = {place_a, unknown, place_b, place_l};
    struct geo_point nearest;
    int positions[4];

    assert_true(geo_order(positions, &nearest, places, 4, 1, place_a.point));
    assert_true(nearest.latitude == place_l.point.latitude);
    assert_true(geo_order(positions, &nearest, places, 2, 1, place_b.point));
    assert_true(nearest.latitude == place_b.point.latitude);
}

static struct geo_place random_place(const struct geo_place *places, int count)
{
    struct geo_place place = {true, {random_between(-90, 90), random_between(-180, 180)}};

    switch (random() % 6) {
    case 0:
        place.is_known = false;
        break;
    case 1:
        return count > 0 ? places[random() % count] : place;
    case 2:
        if (count > 0)
            place.point = places[count - 1].point;
        place.point.longitude = nextafter(place.point.longitude, 0);
        break;
    case 3:
        if (count > 0)
            place.point.latitude = -places[count - 1].point.latitude;
        break;
    default:
        break;
    }
    return place;
}

/* Known ones ascend, equal ones keep their order, unknown ones are last in theirs. */
static void check_range(const int *positions, const struct geo_place *places, int count,
                        struct geo_point origin)
{
    for (int i = 1; i < count; i++) {
        int left = positions[i - 1], right = positions[i];
        const struct geo_place *a = &places[left - 1], *b = &places[right - 1];
        double from, to;

        assert_true(a->is_known || !b->is_known);
        from = a->is_known ? geo_distance(origin, a->point) : INFINITY;
        to = b->is_known ? geo_distance(origin, b->point) : INFINITY;
        assert_true(from < to || (from == to && left < right));
    }
}

static void check_random_list(int count, int separator)
{
    struct geo_place *places = calloc((size_t)count, sizeof(*places));
    int *positions = calloc((size_t)count, sizeof(*positions));
    char *seen = calloc((size_t)count, 1);
    struct geo_point origin = {random_between(-90, 90), random_between(-180, 180)};
    int hosts = separator < 0 ? count : separator;
    bool has_host = false;

    for (int i = 0; i < count; i++) {
        places[i] = random_place(places, i);
        has_host = has_host || (i < hosts && places[i].is_known);
    }
    assert_int_equal(geo_order(positions, &origin, places, count, separator, origin),
                     has_host);
    for (int i = 0; i < count; i++) {
        assert_in_range(positions[i], 1, count);
        assert_int_equal(seen[positions[i] - 1]++, 0);
    }
    check_range(positions, places, hosts, origin);
    if (separator >= 0)
        assert_int_equal(positions[count - 1], separator + 1);
    free(places);
    free(positions);
    free(seen);
}

static void every_list_gets_a_permutation(void **state)
{
    srandom(2);
    for (int i = 0; i < 3000; i++) {
        int count = 1 + (int)(random() % (i % 50 == 0 ? 3000 : 90));

        check_random_list(count, random() % 2 ? (int)(random() % count) : -1);
    }
    check_random_list(8191, -1);
    check_random_list(8191, 4000);
}

static const struct CMUnitTest order_tests[] = {
    UNIT_TEST(measures_as_the_reference_does),
    UNIT_TEST(measures_nearly_to_the_last_bit),
    UNIT_TEST(stays_in_the_domain),
    UNIT_TEST(near_and_antipodal_points_have_distances),
    UNIT_TEST(answers_the_golden_cases),
    UNIT_TEST(tells_by_what_hosts_were_sorted),
    UNIT_TEST(every_list_gets_a_permutation),
};

UNIT_MAIN(order_tests)
