/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes tag databases. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    apr_pool_t *pool = fuzz_pool();
    apr_array_header_t *tags;
    struct hash previous;
    struct error error;
    const char *fqrn;

    if (history_read(&fqrn, &previous, &tags, fuzz_file(bytes, length), pool, &error))
        for (int i = 0; i < tags->nelts; i++)
            FUZZ_MUST(!hash_is_null(&APR_ARRAY_IDX(tags, i, struct tag).catalog));
    apr_pool_destroy(pool);
    return 0;
}
