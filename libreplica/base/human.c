/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as people like them. */
#include "libreplica/base/human.h"

#include <apr_strings.h>

#define MINUTE INT64_C(60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

const char *human_duration(int64_t seconds, apr_pool_t *pool)
{
    static const struct {
        int64_t length;
        const char *unit;
    } units[] = {{DAY, "d"}, {HOUR, "h"}, {MINUTE, "min"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (seconds >= 2 * units[i].length)
            return apr_psprintf(pool, "%" APR_INT64_T_FMT " %s",
                                (apr_int64_t)(seconds / units[i].length), units[i].unit);
    return apr_psprintf(pool, "%" APR_INT64_T_FMT " s", (apr_int64_t)seconds);
}

const char *human_size(int64_t bytes, apr_pool_t *pool)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double size = (double)bytes;
    size_t unit = 0;

    while (size >= 1000 && unit + 1 < sizeof(units) / sizeof(*units)) {
        size /= 1000;
        unit++;
    }
    return apr_psprintf(pool, unit > 0 && size < 10 ? "%.1f %s" : "%.0f %s", size,
                        units[unit]);
}
