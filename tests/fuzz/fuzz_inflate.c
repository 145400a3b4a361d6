/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes inflating: never more than the limit. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/inflate.h"

#define LIMIT 100000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length}, out;
    apr_pool_t *pool = fuzz_pool();
    struct error error = {ERROR_NONE};

    if (inflate_text(&out, input, LIMIT, pool, &error))
        FUZZ_MUST(out.length <= LIMIT);
    else
        FUZZ_MUST(error.code == ERROR_BAD_FORMAT || error.code == ERROR_TOO_LARGE);
    apr_pool_destroy(pool);
    return 0;
}
