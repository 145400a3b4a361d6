/* SPDX-License-Identifier: Apache-2.0 */
/* Walking trees of catalogs level by level: what is to be opened next, and what was seen,
 * are sorted sets that spill to disk. */
#include "libreplica/operate/catalog_levels.h"

#include <string.h>

#include "libreplica/store/stored_catalog.h"

/* A catalog to be opened: its key and, in two bytes, its depth. */
#define STEP_SIZE (CATALOG_KEY_SIZE + 2)

struct catalog_levels {
    struct catalog_levels_options options;
    apr_pool_t *pool;
    struct sorted_records *seen, *level, *next_level;
};

void catalog_key_write(unsigned char key[CATALOG_KEY_SIZE], const struct hash *hash)
{
    memcpy(key, hash->digest, HASH_DIGEST_SIZE);
    key[HASH_DIGEST_SIZE] = (unsigned char)hash->algorithm;
}

void catalog_key_read(struct hash *hash, const unsigned char key[CATALOG_KEY_SIZE])
{
    memcpy(hash->digest, key, HASH_DIGEST_SIZE);
    hash->algorithm = (enum hash_algorithm)key[HASH_DIGEST_SIZE];
}

unsigned int catalog_levels_depth(const char *path)
{
    unsigned int depth = 0;

    for (; *path != '\0'; path++)
        depth += *path == '/' && depth < UINT16_MAX;
    return depth;
}

bool catalog_levels_create(struct catalog_levels **levels,
                           const struct catalog_levels_options *options, apr_pool_t *pool,
                           struct error *error)
{
    struct catalog_levels *created = apr_pcalloc(pool, sizeof(*created));
    const char *folder = store_temporary(options->store);
    size_t memory = options->memory_bytes / 3;

    created->options = *options;
    created->pool = pool;
    *levels = created;
    return sorted_records_create(&created->seen, CATALOG_KEY_SIZE, memory, folder, pool,
                                 error) &&
           sorted_records_create(&created->level, STEP_SIZE, memory, folder, pool,
                                 error) &&
           sorted_records_create(&created->next_level, STEP_SIZE, memory, folder, pool,
                                 error);
}

static bool add_step(struct sorted_records *level, const struct hash *hash,
                     unsigned int depth, struct error *error)
{
    unsigned char step[STEP_SIZE];

    catalog_key_write(step, hash);
    step[CATALOG_KEY_SIZE] = (unsigned char)(depth >> 8);
    step[CATALOG_KEY_SIZE + 1] = (unsigned char)depth;
    return sorted_records_add(level, step, error);
}

bool catalog_levels_add_root(struct catalog_levels *levels, const struct hash *hash,
                             struct error *error)
{
    return add_step(levels->level, hash, 0, error);
}

static bool add_nested(struct catalog_levels *levels, struct catalog *catalog,
                       struct error *error)
{
    const struct partial_rules *rules = levels->options.rules;
    struct catalog_nested nested;
    bool more;

    for (;;) {
        if (!catalog_next_nested(catalog, &nested, &more, error))
            return false;
        if (!more)
            return true;
        if (rules != NULL && partial_rules_exclude(rules, nested.path))
            continue;
        if (!add_step(levels->next_level, &nested.hash, catalog_levels_depth(nested.path),
                      error))
            return false;
    }
}

static bool is_fault_of_catalog(const struct error *error)
{
    return error->code == ERROR_BAD_FORMAT || error->code == ERROR_UNSUPPORTED ||
           error->code == ERROR_TOO_LARGE;
}

static bool read_catalog(bool *found, struct catalog_levels *levels,
                         const struct hash *hash, unsigned int depth, apr_pool_t *pool,
                         struct error *error)
{
    const struct catalog_levels_options *options = &levels->options;
    struct catalog *catalog;

    if (!stored_catalog_open(&catalog, found, options->store, hash,
                             options->max_catalog_bytes, pool, error))
        return false;
    return !*found || (options->visit(options->baton, hash, depth, catalog, error) &&
                       add_nested(levels, catalog, error));
}

static bool open_step(struct catalog_levels *levels, const struct hash *hash,
                      unsigned int depth, struct error *error)
{
    const struct catalog_levels_options *options = &levels->options;
    struct object object = {*hash, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];
    struct error reason;
    apr_pool_t *pool;
    bool ok, found;

    if (options->stop != NULL && *options->stop)
        return error_set(error, ERROR_CANCELLED, "stopped while reading catalogs");
    apr_pool_create(&pool, levels->pool);
    ok = read_catalog(&found, levels, hash, depth, pool, &reason);
    apr_pool_destroy(pool);
    if (ok && !found)
        error_set(&reason, ERROR_NOT_FOUND, "catalog %s is missing",
                  object_name(name, &object));
    else if (ok)
        return true;
    else if (!is_fault_of_catalog(&reason))
        return error_set(error, reason.code, "%s", reason.message);
    return options->lacks(options->baton, hash, depth, &reason, error);
}

/* Open what this level has and no earlier one had. */
static bool open_level(bool *any, struct catalog_levels *levels, struct error *error)
{
    struct sorted_records *passed_over = levels->options.passed_over;
    unsigned char step[STEP_SIZE];
    struct hash hash;
    bool more, known;

    *any = false;
    if (!sorted_records_rewind(levels->level, error) ||
        !sorted_records_rewind(levels->seen, error) ||
        (passed_over != NULL && !sorted_records_rewind(passed_over, error)))
        return false;
    for (;;) {
        if (!sorted_records_next(levels->level, step, &more, error))
            return false;
        if (!more)
            return true;
        *any = true;
        if (!sorted_records_find(levels->seen, step, CATALOG_KEY_SIZE, &known, error) ||
            (!known && passed_over != NULL &&
             !sorted_records_find(passed_over, step, HASH_DIGEST_SIZE, &known, error)))
            return false;
        catalog_key_read(&hash, step);
        if (!known && !open_step(levels, &hash,
                                 (unsigned int)step[CATALOG_KEY_SIZE] << 8 |
                                     step[CATALOG_KEY_SIZE + 1],
                                 error))
            return false;
    }
}

/* What was opened, or passed over, counts as seen: either way that is settled. */
static bool remember_level(struct catalog_levels *levels, struct error *error)
{
    unsigned char step[STEP_SIZE];
    bool more;

    if (!sorted_records_rewind(levels->level, error))
        return false;
    for (;;) {
        if (!sorted_records_next(levels->level, step, &more, error))
            return false;
        if (!more)
            return true;
        if (!sorted_records_add(levels->seen, step, error))
            return false;
    }
}

bool catalog_levels_run(struct catalog_levels *levels, struct error *error)
{
    bool any;

    for (;;) {
        struct sorted_records *done = levels->level;

        if (!open_level(&any, levels, error) || !remember_level(levels, error))
            return false;
        sorted_records_clear(done);
        levels->level = levels->next_level;
        levels->next_level = done;
        if (!any)
            return true;
    }
}

struct sorted_records *catalog_levels_seen(struct catalog_levels *levels)
{
    return levels->seen;
}
