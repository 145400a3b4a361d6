/* SPDX-License-Identifier: Apache-2.0 */
/* The objects of a check: in the order of the store's folders, each once. */
#include "libreplica/operate/check_internal.h"

#include <string.h>
#include <apr_strings.h>

#define PRESENT_MEMORY (16 * 1024 * 1024)

/* What is referred to, beside what is there. */
struct comparison {
    struct check *check;
    bool reads;
    struct sorted_records *present; /* records without a catalog; NULL: not looked at */
    struct check_record wanted, there;
    bool has_wanted, has_there;
};

static int compare_keys(const struct check_record *a, const struct check_record *b)
{
    return memcmp(a, b, CHECK_RECORD_KEY);
}

static bool next_wanted(struct comparison *comparison, struct error *error)
{
    return sorted_records_next(comparison->check->referenced, &comparison->wanted,
                               &comparison->has_wanted, error);
}

static bool next_there(struct comparison *comparison, struct error *error)
{
    comparison->has_there = false;
    return comparison->present == NULL ||
           sorted_records_next(comparison->present, &comparison->there,
                               &comparison->has_there, error);
}

static int64_t catalog_of(const struct check_record *record)
{
    int64_t id = 0;

    for (int i = 0; i < 8; i++)
        id = id << 8 | record->catalog[i];
    return id;
}

static bool mend_wanted(bool *sound, struct comparison *comparison,
                        const struct object *object, enum check_kind kind,
                        struct error *error)
{
    struct check *check = comparison->check;
    const char *path, *context;
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, check->pool);
    ok = check_ledger_path(&path, check->ledger, catalog_of(&comparison->wanted), own,
                           error);
    if (ok) {
        context = apr_psprintf(own, "of the catalog at %s", *path == '\0' ? "/" : path);
        ok = check_object_mend(sound, check, object, kind, context, error);
    }
    apr_pool_destroy(own);
    return ok;
}

/* One object, then over the other catalogs that refer to it. */
static bool look_at_wanted(struct comparison *comparison, struct error *error)
{
    struct check *check = comparison->check;
    struct object object = check_record_object(&comparison->wanted);
    struct check_record first = comparison->wanted;
    enum check_kind kind;
    bool sound;

    check->result->objects++;
    if (!check_object_state(&kind, &sound, check, &object, comparison->reads, error) ||
        (!sound && !mend_wanted(&sound, comparison, &object, kind, error)))
        return false;
    while (comparison->has_wanted && compare_keys(&comparison->wanted, &first) == 0)
        if ((!sound && !check_ledger_spoil(check->ledger, catalog_of(&comparison->wanted),
                                           error)) ||
            !next_wanted(comparison, error))
            return false;
    return true;
}

/* Those were looked at on the way. */
static bool is_of_the_head(const struct check *check, const struct object *object)
{
    const struct manifest *manifest = check->manifest;

    return (object->type == OBJECT_CERTIFICATE &&
            hash_equals(&object->hash, &manifest->certificate)) ||
           (object->type == OBJECT_HISTORY &&
            hash_equals(&object->hash, &manifest->history)) ||
           (object->type == OBJECT_METAINFO &&
            hash_equals(&object->hash, &manifest->metainfo));
}

/* A damaged catalog that nothing led to may be of an older revision, which clients still
 * use: it is read, and fetched, as the others were. */
static bool enter_stray(struct check *check, const struct object *object,
                        struct error *error)
{
    struct check_ledger_entry entry = {.hash = object->hash, .path = ""};
    const char *known;

    check->has_strays = true;
    return check_ledger_add(check->ledger, &entry, &known, check->pool, error);
}

static bool look_at_other(struct comparison *comparison, struct error *error)
{
    struct check *check = comparison->check;
    struct object object = check_record_object(&comparison->there);
    bool known = is_of_the_head(check, &object), sound;
    enum check_kind kind;

    if (!known && object.type == OBJECT_CATALOG &&
        !check_ledger_has(check->ledger, &object.hash, &known, error))
        return false;
    if (known)
        return true;
    check->result->objects++;
    if (!check_object_state(&kind, &sound, check, &object, true, error))
        return false;
    /* It may have been collected since the folder was listed. */
    if (sound || kind == CHECK_MISSING)
        return true;
    if (object.type == OBJECT_CATALOG)
        return enter_stray(check, &object, error);
    return check_object_mend(&sound, check, &object, kind,
                             "of no catalog that was looked at", error);
}

static bool compare_next(struct comparison *comparison, struct error *error)
{
    int order = !comparison->has_there ? -1
                : !comparison->has_wanted
                    ? 1
                    : compare_keys(&comparison->wanted, &comparison->there);

    if (order <= 0 && !look_at_wanted(comparison, error))
        return false;
    if (order > 0 && !look_at_other(comparison, error))
        return false;
    return order < 0 || next_there(comparison, error);
}

static bool note_present(void *baton, const struct object *object,
                         const struct store_status *status, struct error *error)
{
    struct comparison *comparison = baton;
    struct check_record record;

    check_record_of(&record, object, 0);
    return !check_stopped(comparison->check, error) &&
           sorted_records_add(comparison->present, &record, error);
}

static bool list_present(struct comparison *comparison, apr_pool_t *pool,
                         struct error *error)
{
    struct check *check = comparison->check;
    bool ok = sorted_records_create(&comparison->present, sizeof(struct check_record),
                                    PRESENT_MEMORY, check->scratch, pool, error);

    for (unsigned int folder = 0; ok && folder < STORE_FOLDERS; folder++)
        ok = store_list(check->store, folder, note_present, comparison, error);
    return ok && sorted_records_rewind(comparison->present, error);
}

bool check_objects(struct check *check, bool reads, struct error *error)
{
    struct comparison comparison = {.check = check, .reads = reads};
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, check->pool);
    ok = (!reads || list_present(&comparison, own, error)) &&
         sorted_records_rewind(check->referenced, error) &&
         next_wanted(&comparison, error) && next_there(&comparison, error);
    while (ok && (comparison.has_wanted || comparison.has_there))
        ok = !check_stopped(check, error) && compare_next(&comparison, error);
    apr_pool_destroy(own);
    return ok;
}
