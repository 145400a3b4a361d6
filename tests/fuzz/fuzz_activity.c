/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes activity messages: what is read is written so that it is read the same. */
#include "tests/fuzz/fuzz.h"
#include <string.h>
#include "libreplica/base/date.h"
#include "libreplica/format/activity.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length}, written;
    struct activity *activity, *again;
    apr_pool_t *pool = fuzz_pool();
    char date[DATE_UTC_SIZE];
    apr_time_t when;

    if (activity_parse(&activity, input, pool, NULL)) {
        written = activity_format(activity, pool);
        FUZZ_MUST(memchr(written.bytes, '\n', written.length) == NULL);
        FUZZ_MUST(activity_parse(&again, written, pool, NULL));
        FUZZ_MUST(strcmp(again->fqrn, activity->fqrn) == 0);
        FUZZ_MUST(again->time == activity->time);
        FUZZ_MUST(text_is_same(again->manifest, activity->manifest));
    }
    if (date_parse_message(&when, input)) {
        date_format_message(date, when);
        FUZZ_MUST(strlen(date) <= length);
    }
    apr_pool_destroy(pool);
    return 0;
}
