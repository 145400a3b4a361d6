/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes dates: what is read is written the same. */
#include <string.h>
#include "tests/fuzz/fuzz.h"
#include "libreplica/base/date.h"
#include "libreplica/base/date_phrase.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    char text[DATE_UTC_SIZE];
    apr_time_t when, again;

    if (date_parse_compact(&when, input)) {
        date_format_compact(text, when);
        FUZZ_MUST(text_equals(input, text));
    }
    if (date_parse_utc(&when, input)) {
        date_format_utc(text, when);
        FUZZ_MUST(date_parse_utc(&again, text_of(text)) && again == when);
    }
    if (date_phrase_parse(&when, input, apr_time_from_sec(1795173907), NULL))
        FUZZ_MUST(when >= 0);
    return 0;
}
