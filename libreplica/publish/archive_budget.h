/* SPDX-License-Identifier: Apache-2.0 */
/* How much an archive may hold: a small one can say that it holds any number of files. */
#ifndef REPLICA_PUBLISH_ARCHIVE_BUDGET_H
#define REPLICA_PUBLISH_ARCHIVE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>
#include "libreplica/base/error.h"

/* Of an archive, or of all layers of an image; 0: any number. */
struct archive_budget {
    int64_t bytes_max;      /* of contents */
    int64_t entries_max;    /* files, directories and all else */
    int64_t bytes, entries; /* so far */
};

/* One more entry with so many bytes. False: ERROR_TOO_LARGE. */
bool archive_budget_take(struct archive_budget *budget, int64_t bytes,
                         struct error *error);

#endif
