/* SPDX-License-Identifier: Apache-2.0 */
/* How much an archive may hold. */
#include "libreplica/publish/archive_budget.h"

bool archive_budget_take(struct archive_budget *budget, int64_t bytes,
                         struct error *error)
{
    budget->entries++;
    if (budget->entries_max > 0 && budget->entries > budget->entries_max)
        return error_set(error, ERROR_TOO_LARGE,
                         "the archive holds more than %lld files and directories",
                         (long long)budget->entries_max);
    if (bytes > INT64_MAX - budget->bytes)
        bytes = INT64_MAX - budget->bytes;
    budget->bytes += bytes > 0 ? bytes : 0;
    return budget->bytes_max == 0 || budget->bytes <= budget->bytes_max ||
           error_set(error, ERROR_TOO_LARGE, "the archive holds more than %lld MiB",
                     (long long)(budget->bytes_max >> 20));
}
