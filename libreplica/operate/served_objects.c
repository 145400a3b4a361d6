/* SPDX-License-Identifier: Apache-2.0 */
/* Walking over all that is served, to see what is not there. */
#include "libreplica/operate/served_objects.h"

#include <stdlib.h>
#include <string.h>

#include "libreplica/format/history.h"
#include "libreplica/format/manifest.h"
#include "libreplica/operate/catalog_levels.h"
#include "libreplica/store/partial_replica.h"
#include "libreplica/store/stored_catalog.h"

#define REFERENCES_BYTES ((size_t)16 << 20)
#define LEVELS_BYTES     ((size_t)2 << 20)

/* An object, in the order of the store's folders. */
#define KEY_SIZE (HASH_DIGEST_SIZE + 2)

struct walk {
    const struct served_objects_options *options;
    bool *referenced;
    struct manifest *manifest;
    struct hash manifest_hash;
    struct partial_rules *rules;       /* NULL: a full replica */
    struct sorted_records *references; /* NULL unless all are looked at */
    apr_pool_t *pool;
};

int served_objects_compare(const void *a, const void *b)
{
    const struct object *left = a, *right = b;
    int order = memcmp(left->hash.digest, right->hash.digest, HASH_DIGEST_SIZE);

    if (order == 0)
        order = (int)left->type - (int)right->type;
    return order != 0 ? order : (int)left->hash.algorithm - (int)right->hash.algorithm;
}

static void key_write(unsigned char key[KEY_SIZE], const struct object *object)
{
    memcpy(key, object->hash.digest, HASH_DIGEST_SIZE);
    key[HASH_DIGEST_SIZE] = (unsigned char)object->type;
    key[HASH_DIGEST_SIZE + 1] = (unsigned char)object->hash.algorithm;
}

static struct object key_read(const unsigned char key[KEY_SIZE])
{
    struct object object = {.type = (enum object_type)key[HASH_DIGEST_SIZE]};

    memcpy(object.hash.digest, key, HASH_DIGEST_SIZE);
    object.hash.algorithm = (enum hash_algorithm)key[HASH_DIGEST_SIZE + 1];
    return object;
}

static bool read_manifest(struct manifest **manifest, struct hash *hash,
                          struct walk *walk, struct error *error)
{
    struct text text;

    if (!store_read(&text, walk->options->store, MANIFEST_NAME, MANIFEST_SIZE_MAX,
                    walk->pool, error))
        return false;
    hash_bytes(hash, HASH_SHA1, text.bytes, text.length);
    return manifest_parse(manifest, text, walk->pool, error);
}

static bool look_at(struct walk *walk, const struct object *object, struct error *error)
{
    const struct served_objects_options *options = walk->options;
    struct store_status status;
    bool found;

    if (!store_stat(options->store, object, &status, &found, error)) {
        /* Something else has its name. */
        if (error->code != ERROR_IO)
            return false;
        status.size = 0;
        found = true;
    }
    return (found && status.size > 0) ||
           options->lacks(options->baton, object, found ? SERVED_DAMAGED : SERVED_MISSING,
                          error);
}

static void note_reference(struct walk *walk, const struct object *object)
{
    const struct served_objects_options *options = walk->options;
    const struct object *wanted;

    if (options->wanted_count == 0)
        return;
    wanted = bsearch(object, options->wanted, (size_t)options->wanted_count,
                     sizeof(*object), served_objects_compare);
    if (wanted != NULL)
        walk->referenced[wanted - options->wanted] = true;
}

static bool visit_catalog(void *baton, const struct hash *hash, unsigned int depth,
                          struct catalog *catalog, struct error *error)
{
    struct walk *walk = baton;
    struct object object = {*hash, OBJECT_CATALOG};
    unsigned char key[KEY_SIZE];
    bool more;

    note_reference(walk, &object);
    for (;;) {
        if (!catalog_next_object(catalog, &object, &more, error))
            return false;
        if (!more)
            return true;
        note_reference(walk, &object);
        key_write(key, &object);
        if (walk->references != NULL && !sorted_records_add(walk->references, key, error))
            return false;
    }
}

static bool lacks_catalog(void *baton, const struct hash *hash, unsigned int depth,
                          const struct error *reason, struct error *error)
{
    struct walk *walk = baton;
    struct object object = {*hash, OBJECT_CATALOG};

    note_reference(walk, &object);
    return walk->options->lacks(
        walk->options->baton, &object,
        reason->code == ERROR_NOT_FOUND ? SERVED_MISSING : SERVED_DAMAGED, error);
}

static bool look_at_named(struct walk *walk, const struct hash *hash,
                          enum object_type type, struct error *error)
{
    struct object object = {*hash, type};

    if (hash_is_null(hash))
        return true;
    note_reference(walk, &object);
    return look_at(walk, &object, error);
}

static bool add_tag(struct walk *walk, struct catalog_levels *levels,
                    const struct tag *tag, struct error *error)
{
    const struct served_objects_options *options = walk->options;
    struct object object = {tag->catalog, OBJECT_CATALOG};
    struct store_status status;
    bool found;

    if (!store_stat(options->store, &object, &status, &found, error))
        return error->code == ERROR_IO;
    if (found)
        return catalog_levels_add_root(levels, &tag->catalog, error);
    note_reference(walk, &object);
    return options->lacks(options->baton, &object, SERVED_MISSING_TAG, error);
}

/* A tag database that is missing or damaged is a finding of its own. */
static bool add_tags(struct walk *walk, struct catalog_levels *levels,
                     struct error *error)
{
    struct object object = {walk->manifest->history, OBJECT_HISTORY};
    const char *path, *fqrn;
    apr_array_header_t *tags;
    struct error problem;
    struct hash previous;
    bool found;

    if (hash_is_null(&object.hash) ||
        !stored_object_inflate(&path, &found, walk->options->store, &object,
                               walk->options->max_catalog_bytes, walk->pool, &problem) ||
        !found || !history_read(&fqrn, &previous, &tags, path, walk->pool, &problem))
        return true;
    for (int i = 0; i < tags->nelts; i++)
        if (!add_tag(walk, levels, &APR_ARRAY_IDX(tags, i, struct tag), error))
            return false;
    return true;
}

static bool walk_catalogs(struct walk *walk, struct error *error)
{
    struct catalog_levels_options options = {
        .store = walk->options->store,
        .max_catalog_bytes = walk->options->max_catalog_bytes,
        .memory_bytes = LEVELS_BYTES,
        .stop = walk->options->stop,
        .rules = walk->rules,
        .visit = visit_catalog,
        .lacks = lacks_catalog,
        .baton = walk,
    };
    struct catalog_levels *levels;

    return catalog_levels_create(&levels, &options, walk->pool, error) &&
           catalog_levels_add_root(levels, &walk->manifest->catalog, error) &&
           add_tags(walk, levels, error) && catalog_levels_run(levels, error);
}

static bool look_at_references(struct walk *walk, struct error *error)
{
    const volatile int *stop = walk->options->stop;
    unsigned char key[KEY_SIZE];
    struct object object;
    bool more = true;

    if (walk->references == NULL)
        return true;
    if (!sorted_records_rewind(walk->references, error))
        return false;
    while (sorted_records_next(walk->references, key, &more, error) && more) {
        if (stop != NULL && *stop)
            return error_set(error, ERROR_CANCELLED, "stopped while looking at objects");
        object = key_read(key);
        if (!look_at(walk, &object, error))
            return false;
    }
    return !more;
}

static bool look_at_wanted(struct walk *walk, struct error *error)
{
    const struct served_objects_options *options = walk->options;

    for (int i = 0; walk->references == NULL && i < options->wanted_count; i++)
        if (walk->referenced[i] && options->wanted[i].type != OBJECT_CATALOG &&
            !look_at(walk, &options->wanted[i], error))
            return false;
    return true;
}

static bool has_same_rules(const struct partial_rules *a, const struct partial_rules *b)
{
    struct text left, right;

    if (a == NULL || b == NULL)
        return a == b;
    left = partial_rules_text(a);
    right = partial_rules_text(b);
    return left.length == right.length &&
           memcmp(left.bytes, right.bytes, left.length) == 0;
}

static bool is_still_served(struct walk *walk, struct error *error)
{
    struct partial_rules *rules;
    struct manifest *manifest;
    struct hash hash;

    if (!read_manifest(&manifest, &hash, walk, error) ||
        !partial_replica_recorded(&rules, walk->options->store, walk->pool, error))
        return false;
    return (hash_equals(&hash, &walk->manifest_hash) &&
            has_same_rules(rules, walk->rules)) ||
           error_set(error, ERROR_OUTDATED, "a new revision came meanwhile");
}

static bool run(struct walk *walk, struct error *error)
{
    const struct manifest *manifest;

    if (!read_manifest(&walk->manifest, &walk->manifest_hash, walk, error) ||
        !partial_replica_recorded(&walk->rules, walk->options->store, walk->pool, error))
        return false;
    manifest = walk->manifest;
    if (walk->options->looks_at_all &&
        !sorted_records_create(&walk->references, KEY_SIZE, REFERENCES_BYTES,
                               store_temporary(walk->options->store), walk->pool, error))
        return false;
    return look_at_named(walk, &manifest->certificate, OBJECT_CERTIFICATE, error) &&
           look_at_named(walk, &manifest->metainfo, OBJECT_METAINFO, error) &&
           look_at_named(walk, &manifest->history, OBJECT_HISTORY, error) &&
           walk_catalogs(walk, error) && look_at_references(walk, error) &&
           look_at_wanted(walk, error) && is_still_served(walk, error);
}

bool served_objects_walk(bool *referenced, const struct served_objects_options *options,
                         apr_pool_t *pool, struct error *error)
{
    struct walk walk = {.options = options, .referenced = referenced};
    bool ok;

    for (int i = 0; i < options->wanted_count; i++)
        referenced[i] = false;
    apr_pool_create(&walk.pool, pool);
    ok = run(&walk, error);
    apr_pool_destroy(walk.pool);
    return ok;
}
