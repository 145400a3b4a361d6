/* SPDX-License-Identifier: Apache-2.0 */
/* Which of several places is nearest. */
#include "libreplica/geo/order.h"

#include <math.h>
#include <stdlib.h>

/* Up to here, which is nearly always, sorting needs no memory. */
#define FEW 64

struct candidate {
    double distance; /* infinite if unknown */
    int position;
};

/* Each step is written, and rounded, as in the reference implementation. */
double geo_distance(struct geo_point from, struct geo_point to)
{
    const double degrees_to_radians = M_PI / 180.0;
    double phi1 = (90.0 - from.latitude) * degrees_to_radians;
    double phi2 = (90.0 - to.latitude) * degrees_to_radians;
    double theta1 = from.longitude * degrees_to_radians;
    double theta2 = to.longitude * degrees_to_radians;
    double cosine;

    if (from.latitude == to.latitude && from.longitude == to.longitude)
        return 0;
    cosine = sin(phi1) * sin(phi2) * cos(theta1 - theta2) + cos(phi1) * cos(phi2);
    /* Rounding leaves the domain of acos near 0 and pi. */
    if (cosine > 1)
        cosine = 1;
    if (!(cosine >= -1))
        cosine = -1;
    return acos(cosine);
}

static int compare(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->distance != b->distance)
        return a->distance < b->distance ? -1 : 1;
    return a->position < b->position ? -1 : a->position > b->position;
}

static void sort(struct candidate *candidates, int count)
{
    if (count > FEW) {
        qsort(candidates, (size_t)count, sizeof(*candidates), compare);
        return;
    }
    for (int i = 1; i < count; i++) {
        struct candidate taken = candidates[i];
        int at = i;

        for (; at > 0 && candidates[at - 1].distance > taken.distance; at--)
            candidates[at] = candidates[at - 1];
        candidates[at] = taken;
    }
}

/* Sort PLACES[first..end) into POSITIONS; whether one of them is known. */
static bool order_range(int *positions, const struct geo_place *places, int first,
                        int end, struct geo_point origin)
{
    struct candidate few[FEW], *candidates = few;
    int count = end - first;
    bool is_known = false;

    if (count > FEW)
        candidates = malloc((size_t)count * sizeof(*candidates));
    for (int i = 0; i < count; i++) {
        const struct geo_place *place = &places[first + i];

        is_known = is_known || place->is_known;
        positions[i] = first + i + 1;
        if (candidates == NULL) /* then the order stays as it was sent */
            continue;
        candidates[i].position = first + i + 1;
        candidates[i].distance =
            place->is_known ? geo_distance(origin, place->point) : INFINITY;
    }
    if (candidates == NULL)
        return is_known;
    sort(candidates, count);
    for (int i = 0; i < count; i++)
        positions[i] = candidates[i].position;
    if (candidates != few)
        free(candidates);
    return is_known;
}

bool geo_order(int *positions, struct geo_point *nearest, const struct geo_place *places,
               int count, int separator, struct geo_point origin)
{
    int hosts = separator < 0 ? count : separator;

    if (separator >= 0) {
        if (order_range(positions + hosts, places, separator + 1, count, origin))
            origin = places[positions[hosts] - 1].point;
        positions[count - 1] = separator + 1;
    }
    if (nearest != NULL)
        *nearest = origin;
    return order_range(positions, places, 0, hosts, origin);
}
