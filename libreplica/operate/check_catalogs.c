/* SPDX-License-Identifier: Apache-2.0 */
/* The catalogs of a check: read one after the other, level by level, nothing recurses. */
#include "libreplica/operate/check_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

/* A catalog being read. */
struct reading {
    struct check *check;
    const struct check_ledger_entry *entry;
    struct catalog *catalog;
    const char *file; /* its inflated bytes */
    int64_t size;     /* of these */
    apr_pool_t *pool;
};

static const char *shown(const char *path)
{
    return *path == '\0' ? "/" : path;
}

bool check_inflate(int64_t *size, struct check *check, const struct object *object,
                   const char *path, struct error *error)
{
    int64_t limit =
        settings_number(check->repository->settings, SETTING_MAX_CATALOG_BYTES);
    int64_t inflated;
    bool ok;
    int fd;

    if (!store_open_object(&fd, check->store, object, error))
        return false;
    ok = file_inflate(&inflated, path, fd, limit, error);
    close(fd);
    if (ok && size != NULL)
        *size = inflated;
    return ok;
}

static bool note_violation(void *baton, const char *path, const char *sentence,
                           struct error *error)
{
    struct check *check = baton;

    check_find(check, CHECK_CATALOG, "%s: %s", shown(path), sentence);
    return !check_stopped(check, error);
}

/* A catalog that is what its name says and yet cannot be used: nothing can mend it. */
static bool unusable(struct reading *reading, const struct error *problem,
                     struct error *error)
{
    struct object object = {reading->entry->hash, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];

    if (problem->code != ERROR_BAD_FORMAT && problem->code != ERROR_UNSUPPORTED &&
        problem->code != ERROR_TOO_LARGE) {
        *error = *problem;
        return false;
    }
    check_find(reading->check, CHECK_CATALOG, "%s: catalog %s: %s",
               shown(reading->entry->path), object_name(name, &object), problem->message);
    return check_ledger_spoil(reading->check->ledger, reading->entry->id, error);
}

/* *got false: it has been reported. */
static bool get_database(bool *got, struct reading *reading, struct error *error)
{
    struct object object = {reading->entry->hash, OBJECT_CATALOG};
    struct check *check = reading->check;
    enum check_kind kind;
    struct error problem;

    check->result->objects++;
    if (!check_object_state(&kind, got, check, &object, true, error))
        return false;
    if (!*got)
        return check_waiting_get(got, check, reading->entry, kind, reading->file, error);
    *got = check_inflate(NULL, check, &object, reading->file, &problem);
    return *got || unusable(reading, &problem, error);
}

static bool collect_objects(struct reading *reading, struct error *error)
{
    struct check *check = reading->check;
    struct check_record record;
    struct object object;
    bool more;

    if (check->options->skips_objects)
        return true;
    for (;;) {
        if (!catalog_next_object(reading->catalog, &object, &more, error))
            return false;
        if (!more)
            return true;
        check_record_of(&record, &object, reading->entry->id);
        if (!sorted_records_add(check->referenced, &record, error))
            return false;
    }
}

static bool is_trusted(bool *trusted, struct check *check, const struct hash *hash,
                       struct error *error)
{
    struct object object = {*hash, OBJECT_CATALOG};
    struct store_status status;
    bool found;

    *trusted = false;
    if (!check->trusts_stored)
        return true;
    if (!store_stat(check->store, &object, &status, &found, error))
        return error->code == ERROR_IO;
    *trusted = found && status.size > 0;
    return true;
}

static bool enter_nested(struct reading *reading, const struct catalog_nested *nested,
                         apr_pool_t *pool, struct error *error)
{
    struct check *check = reading->check;
    struct check_ledger_entry child = {
        .hash = nested->hash,
        .path = nested->path,
        .size = nested->size,
        .is_nested = true,
        .is_judged = reading->entry->is_judged,
    };
    const char *known, *row = NULL;
    bool trusted;

    if (check->rules != NULL && partial_rules_exclude(check->rules, nested->path))
        return check_ledger_link(check->ledger, reading->entry->id, 0, NULL, error);
    if (!is_trusted(&trusted, check, &nested->hash, error))
        return false;
    if (trusted)
        return true;
    if (!check_ledger_add(check->ledger, &child, &known, pool, error))
        return false;
    if (reading->entry->is_judged) {
        if (!catalog_describe_row(&row, reading->catalog, nested->path, pool, error))
            return false;
        if (strcmp(known, nested->path) != 0)
            check_find(check, CHECK_CATALOG, "%s: the same catalog as at %s",
                       shown(nested->path), shown(known));
    }
    return check_ledger_link(check->ledger, reading->entry->id, child.id, row, error);
}

static bool collect_nested(struct reading *reading, struct error *error)
{
    struct catalog_nested nested;
    bool more = true, ok = true;
    apr_pool_t *own;

    apr_pool_create(&own, reading->pool);
    while (ok && more) {
        apr_pool_clear(own);
        ok = catalog_next_nested(reading->catalog, &nested, &more, error) &&
             (!more || enter_nested(reading, &nested, own, error));
    }
    apr_pool_destroy(own);
    return ok;
}

static bool judge(struct reading *reading, struct error *error)
{
    const struct catalog_properties *properties = catalog_properties(reading->catalog);
    const struct check_ledger_entry *entry = reading->entry;
    struct check *check = reading->check;
    struct catalog_statistics counters;
    const char *row;

    if (entry->size > 0 && reading->size != entry->size)
        check_find(check, CHECK_CATALOG, "%s: the catalog has %lld bytes instead of %lld",
                   shown(entry->path), (long long)reading->size, (long long)entry->size);
    if (strcmp(properties->root_prefix, entry->path) != 0)
        check_find(check, CHECK_CATALOG, "%s: the catalog is made for %s",
                   shown(entry->path), shown(properties->root_prefix));
    return catalog_judge(reading->catalog, entry->is_nested, note_violation, check,
                         reading->pool, error) &&
           catalog_describe_row(&row, reading->catalog, properties->root_prefix,
                                reading->pool, error) &&
           catalog_read_statistics(&counters, reading->catalog, reading->pool, error) &&
           check_ledger_note(check->ledger, entry->id, row, &counters, error);
}

/* Nobody knew where a catalog belongs that no other leads to. */
static bool find_place(struct reading *reading)
{
    apr_array_header_t *list = reading->check->waiting;
    struct check_waiting *last =
        list->nelts > 0 ? &APR_ARRAY_IDX(list, list->nelts - 1, struct check_waiting)
                        : NULL;

    if (last != NULL && last->id == reading->entry->id && last->path_length == 0)
        last->path_length = strlen(catalog_properties(reading->catalog)->root_prefix);
    return true;
}

static bool read_database(struct reading *reading, struct error *error)
{
    struct error problem;

    if (catalog_open(&reading->catalog, reading->file, reading->pool, &problem) &&
        find_place(reading) && (!reading->entry->is_judged || judge(reading, &problem)) &&
        collect_nested(reading, &problem) && collect_objects(reading, &problem))
        return true;
    return unusable(reading, &problem, error);
}

static bool read_catalog(struct check *check, const struct check_ledger_entry *entry,
                         apr_pool_t *pool, struct error *error)
{
    struct reading reading = {.check = check, .entry = entry, .pool = pool};
    struct stat status;
    char text[HASH_TEXT_SIZE];
    bool got;

    reading.file = apr_pstrcat(pool, check->scratch, "/catalog", NULL);
    unlink(reading.file);
    if (!check->options->is_brief)
        check_say(check, "[inspecting catalog] %s at %s", hash_format(text, &entry->hash),
                  shown(entry->path));
    if (!get_database(&got, &reading, error))
        return false;
    if (!got)
        return true;
    check->result->catalogs++;
    if (stat(reading.file, &status) != 0)
        return error_set_errno(error, errno, "cannot look at %s", reading.file);
    reading.size = status.st_size;
    return read_database(&reading, error);
}

bool check_catalogs(struct check *check, struct error *error)
{
    struct check_ledger_entry entry;
    apr_pool_t *own;
    bool more = true, ok = true;

    apr_pool_create(&own, check->pool);
    while (ok && more) {
        apr_pool_clear(own);
        ok = !check_stopped(check, error) &&
             check_ledger_next(check->ledger, &entry, &more, own, error) &&
             (!more || read_catalog(check, &entry, own, error));
    }
    apr_pool_destroy(own);
    return ok;
}
