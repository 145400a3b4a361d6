/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz the order of places: whatever the coordinates, the positions are a permutation
 * that begins with the known hosts and ends with the separator. */
#include <string.h>
#include "tests/fuzz/fuzz.h"
#include "libreplica/geo/order.h"

#define PLACE_SIZE (1 + 2 * sizeof(double))

/* One byte and two numbers of any bits. */
static struct geo_place take_place(const uint8_t *bytes)
{
    struct geo_place place = {.is_known = (bytes[0] & 1) != 0};

    memcpy(&place.point.latitude, bytes + 1, sizeof(double));
    memcpy(&place.point.longitude, bytes + 1 + sizeof(double), sizeof(double));
    return place;
}

static void check_permutation(const int *positions, int count, apr_pool_t *pool)
{
    bool *is_there = apr_pcalloc(pool, (size_t)count * sizeof(bool));

    for (int i = 0; i < count; i++) {
        FUZZ_MUST(positions[i] >= 1 && positions[i] <= count);
        FUZZ_MUST(!is_there[positions[i] - 1]);
        is_there[positions[i] - 1] = true;
    }
}

static void check_known_first(const int *positions, const struct geo_place *places,
                              int hosts)
{
    for (int i = 1; i < hosts; i++)
        FUZZ_MUST(places[positions[i - 1] - 1].is_known ||
                  !places[positions[i] - 1].is_known);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    apr_pool_t *pool = fuzz_pool();
    size_t count = length / PLACE_SIZE;
    struct geo_place *places = apr_palloc(pool, count * sizeof(*places) + 1);
    int *positions = apr_palloc(pool, count * sizeof(int) + 1);
    struct geo_point nearest;
    int separator, hosts;
    bool any_host;

    for (size_t i = 0; i < count; i++)
        places[i] = take_place(bytes + i * PLACE_SIZE);
    if (count >= 2) { /* the first one is the origin */
        count--;
        separator = bytes[0] & 2 ? (int)(bytes[0] >> 2) % (int)count : -1;
        hosts = separator < 0 ? (int)count : separator;
        any_host = geo_order(positions, &nearest, places + 1, (int)count, separator,
                             places[0].point);
        check_permutation(positions, (int)count, pool);
        check_known_first(positions, places + 1, hosts);
        FUZZ_MUST(any_host == (hosts > 0 && places[positions[0]].is_known));
        FUZZ_MUST(separator < 0 || positions[count - 1] == separator + 1);
    }
    apr_pool_destroy(pool);
    return 0;
}
