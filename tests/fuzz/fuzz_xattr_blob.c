/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes blobs of extended attributes: every attribute lies inside the blob. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/xattr_blob.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct text input = {(const char *)bytes, length};
    apr_pool_t *pool = fuzz_pool();
    apr_array_header_t *attributes;
    struct error error;

    if (xattr_blob_read(&attributes, input, pool, &error))
        for (int i = 0; i < attributes->nelts; i++) {
            const struct xattr *xattr = &APR_ARRAY_IDX(attributes, i, struct xattr);

            FUZZ_MUST(xattr->name.bytes >= input.bytes && xattr->name.length > 0);
            FUZZ_MUST(xattr->value.bytes + xattr->value.length <= input.bytes + length);
        }
    apr_pool_destroy(pool);
    return 0;
}
