/* SPDX-License-Identifier: Apache-2.0 */
/* Catalogs that a check fetched: a catalog that is in the store vouches for all below it,
 * so they get their names last, from the bottom up. */
#include "libreplica/operate/check_internal.h"

#include <stdlib.h>
#include <string.h>

#include "libreplica/store/file.h"

/* Inflate what arrived, and remember it. */
static bool keep(struct check *check, const struct check_ledger_entry *entry,
                 struct store_file *file, enum check_kind kind, const char *database,
                 struct error *error)
{
    int64_t limit =
        settings_number(check->repository->settings, SETTING_MAX_CATALOG_BYTES);
    struct check_waiting waiting = {entry->hash, entry->id, strlen(entry->path), file,
                                    kind};
    int64_t size;
    int fd;

    if (!store_descriptor(&fd, file, error) ||
        !file_inflate(&size, database, fd, limit, error) || !store_park(file, error)) {
        store_abort(file);
        return false;
    }
    APR_ARRAY_PUSH(check->waiting, struct check_waiting) = waiting;
    return true;
}

static bool fetch(struct check *check, const struct check_ledger_entry *entry,
                  enum check_kind kind, const char *database, struct error *error)
{
    int64_t limit =
        settings_number(check->repository->settings, SETTING_MAX_OBJECT_BYTES);
    struct object object = {entry->hash, OBJECT_CATALOG};
    struct store_file *file;

    return upstreams_get(&file, check->upstreams, check->store, &object, limit,
                         check->pool, error) &&
           keep(check, entry, file, kind, database, error);
}

/* A damaged catalog goes first: while it has its name, others would take it for one that
 * vouches for what is below. */
bool check_waiting_get(bool *got, struct check *check,
                       const struct check_ledger_entry *entry, enum check_kind kind,
                       const char *database, struct error *error)
{
    struct object object = {entry->hash, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];
    struct error problem;

    *got = false;
    check_find(check, kind, "object %s (the catalog at %s)", object_name(name, &object),
               *entry->path == '\0' ? "/" : entry->path);
    if (!check->options->repairs)
        return true;
    if (kind != CHECK_MISSING && !store_quarantine(check->store, &object, error))
        return false;
    *got = fetch(check, entry, kind, database, &problem);
    if (*got)
        return true;
    if (problem.code == ERROR_CANCELLED || problem.code == ERROR_NO_SPACE) {
        *error = problem;
        return false;
    }
    check_not_repaired(check, name, &problem);
    return check_ledger_spoil(check->ledger, entry->id, error);
}

static int from_the_bottom(const void *a, const void *b)
{
    const struct check_waiting *left = a, *right = b;

    if (left->path_length == right->path_length)
        return 0;
    return left->path_length > right->path_length ? -1 : 1;
}

static bool store_one(struct check *check, const struct check_waiting *waiting,
                      struct error *error)
{
    struct object object = {waiting->hash, OBJECT_CATALOG};
    char name[OBJECT_NAME_SIZE];
    bool whole;

    object_name(name, &object);
    if (!check_ledger_is_whole(&whole, check->ledger, waiting->id, error))
        return false;
    if (!whole) {
        store_abort(waiting->file);
        check_say(check, "not repaired: %s: something below it is missing", name);
        return check_ledger_spoil(check->ledger, waiting->id, error);
    }
    if (!store_commit(waiting->file, &object, error))
        return false;
    /* A damaged one was moved there, by this run or by one that was cut off. */
    store_drop_quarantined(check->store, &object, NULL);
    check_repaired(check, waiting->kind, "object %s", name);
    return true;
}

bool check_waiting_store(struct check *check, struct error *error)
{
    if (check->waiting->nelts == 0)
        return true;
    qsort(check->waiting->elts, (size_t)check->waiting->nelts,
          sizeof(struct check_waiting), from_the_bottom);
    if (!store_barrier(check->store, error))
        return false;
    for (int i = 0; i < check->waiting->nelts; i++)
        if (!store_one(check, &APR_ARRAY_IDX(check->waiting, i, struct check_waiting),
                       error))
            return false;
    return true;
}
