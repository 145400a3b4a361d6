/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes the rules of partial replicas: what is before a NUL byte, matched with what is
 * after it. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "libreplica/format/partial_rules.h"

static char path[4096];

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const uint8_t *end = memchr(bytes, 0, length);
    size_t size = end != NULL ? (size_t)(end - bytes) : length;
    struct partial_rules *rules;
    apr_pool_t *pool = fuzz_pool();
    struct error error;

    if (partial_rules_parse(&rules, (struct text){(const char *)bytes, size}, pool,
                            &error) &&
        size < length && length - size < sizeof(path)) {
        path[0] = '/';
        memcpy(path + 1, end + 1, length - size - 1);
        path[length - size] = '\0';
        FUZZ_MUST(!partial_rules_exclude(rules, ""));
        partial_rules_exclude(rules, path);
    }
    apr_pool_destroy(pool);
    return 0;
}
