/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes catalogs: every cursor to its end. */
#include "tests/fuzz/fuzz.h"
#include "libreplica/format/catalog.h"

static bool visit_entry(void *baton, const struct catalog_entry *entry,
                        struct error *error)
{
    return true;
}

static bool visit_chunk(void *baton, const struct catalog_chunk *chunk,
                        struct error *error)
{
    return true;
}

static void read_objects(struct catalog *catalog, size_t length)
{
    struct object object;
    struct error error;
    bool more = true;

    /* More rows than bytes would be work without bound. */
    for (size_t rows = 0; more; rows++) {
        FUZZ_MUST(rows <= length);
        if (!catalog_next_object(catalog, &object, &more, &error))
            return;
    }
}

static void read_nested(struct catalog *catalog)
{
    struct catalog_nested nested;
    struct catalog_entry entry;
    struct error error;
    bool more, found;

    while (catalog_next_nested(catalog, &nested, &more, &error) && more) {
        FUZZ_MUST(nested.path[0] == '/' && !hash_is_null(&nested.hash));
        catalog_lookup(catalog, nested.path, &entry, &found, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    apr_pool_t *pool = fuzz_pool();
    struct catalog *catalog;
    struct error error;

    if (catalog_open(&catalog, fuzz_file(bytes, length), pool, &error)) {
        read_objects(catalog, length);
        read_nested(catalog);
        catalog_list(catalog, catalog_properties(catalog)->root_prefix, visit_entry, NULL,
                     &error);
        catalog_chunks(catalog, "/b", visit_chunk, NULL, &error);
        catalog_close(catalog);
    }
    apr_pool_destroy(pool);
    return 0;
}
