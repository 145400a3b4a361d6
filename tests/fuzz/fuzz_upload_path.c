/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes names of uploads, queries and ranges. */
#include "tests/fuzz/fuzz.h"
#include <string.h>
#include "libreplica/format/upload_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text text = {(const char *)bytes, length};
    apr_pool_t *pool = fuzz_pool();
    const char *string, *value;
    int64_t first, last;
    struct error error;
    bool is_bad;

    if (upload_path_check(text, &error)) {
        FUZZ_MUST(bytes[0] == '/' && memchr(bytes, '\0', length) == NULL);
        FUZZ_MUST(memmem(bytes, length, "//", 2) == NULL);
        FUZZ_MUST(memmem(bytes, length, "/../", 4) == NULL);
        FUZZ_MUST(memmem(bytes, length, "/.cvmfs", 7) == NULL);
    }
    if (query_find(&value, &is_bad, text, "a", pool))
        FUZZ_MUST(!is_bad && strlen(value) <= length);
    if (text_to_string(&string, text, pool) &&
        byte_range_parse(&first, &last, string, 1000) == BYTE_RANGE_SOME)
        FUZZ_MUST(first >= 0 && first <= last && last < 1000);
    apr_pool_destroy(pool);
    return 0;
}
