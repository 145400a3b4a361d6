/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes lines that httpd's user wrote for snapshotd. */
#include "tests/fuzz/fuzz.h"
#include <string.h>
#include "libreplica/format/missing_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length}, repository;
    char line[MISSING_REPORT_SIZE];
    struct object object;

    if (!missing_report_parse(&repository, &object, input))
        return 0;
    /* What is understood is what we would have written. */
    FUZZ_MUST(missing_report_format(line, repository, &object) == length + 1);
    FUZZ_MUST(memcmp(line, bytes, length) == 0);
    return 0;
}
