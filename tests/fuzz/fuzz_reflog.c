/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes reflogs: reading and adding. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/reflog.h"

static bool visit(void *baton, const struct object *object, int64_t timestamp_seconds,
                  struct error *error)
{
    FUZZ_MUST(!hash_is_null(&object->hash));
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct object object = {{HASH_SHA1, "12345678901234567890"}, OBJECT_CATALOG};
    apr_pool_t *pool = fuzz_pool();
    struct reflog *reflog;
    struct error error;
    bool found;

    if (reflog_open(&reflog, fuzz_file(bytes, length), "a.b", false, pool, &error)) {
        reflog_each(reflog, visit, NULL, &error);
        reflog_contains(reflog, &object, &found, &error);
        reflog_add(reflog, &object, 1, true, &error);
        reflog_remove(reflog, &object, &error);
        reflog_compact(reflog, &error);
        reflog_close(reflog, &error);
    }
    apr_pool_destroy(pool);
    return 0;
}
