/* SPDX-License-Identifier: Apache-2.0 */
/* Getting back objects that others found missing: the repairing half of a check, for a
 * short while. */
#include "libreplica/operate/check_suspects.h"

#include "libreplica/operate/check_internal.h"
#include "libreplica/store/file.h"

static bool enter_catalog(struct check *check, const struct object *object,
                          struct error *error)
{
    struct check_ledger_entry entry = {.hash = object->hash, .path = ""};
    const char *known;

    return check_ledger_add(check->ledger, &entry, &known, check->pool, error);
}

static bool look_at(struct check *check, const struct object *object, struct error *error)
{
    enum check_kind kind;
    bool sound;

    if (!check_object_state(&kind, &sound, check, object, false, error))
        return false;
    if (sound)
        return true;
    if (object->type == OBJECT_CATALOG)
        return enter_catalog(check, object, error);
    return check_object_mend(&sound, check, object, kind, "", error);
}

static bool mend(struct check *check, struct error *error)
{
    for (int i = 0; i < check->suspect_count; i++)
        if (check_stopped(check, error) || !look_at(check, &check->suspects[i], error))
            return false;
    return check_catalogs(check, error) && check_objects(check, false, error) &&
           check_waiting_store(check, error);
}

static bool take_locks(struct check *check, struct error *error)
{
    const struct repository *repository = check->repository;

    return file_make_directory(repository->spool, 0755, check->pool, error) &&
           lock_try(&check->collect_lock,
                    repository_collect_lock(repository, check->pool), check->pool,
                    error) &&
           lock_try(&check->update_lock, repository_update_lock(repository, check->pool),
                    check->pool, error);
}

bool check_suspects(struct suspects_result *stored, const struct repository *repository,
                    const struct object *suspects, int count,
                    const struct suspects_options *options, apr_pool_t *pool,
                    struct error *error)
{
    struct check_options check_options = {.repairs = true,
                                          .is_brief = true,
                                          .stop = options->stop,
                                          .say = options->say,
                                          .baton = options->baton};
    struct check_result result = {0};
    struct check check = {.options = &check_options,
                          .result = &result,
                          .repository = repository,
                          .suspects = suspects,
                          .suspect_count = count,
                          .trusts_stored = true};
    bool ok;

    check.hold_seconds = options->hold_seconds;
    apr_pool_create(&check.pool, pool);
    ok = take_locks(&check, error) && check_run_locked(&check, mend, error);
    stored->bytes = check.upstreams != NULL ? upstreams_bytes(check.upstreams) : 0;
    apr_pool_destroy(check.pool);
    stored->missing = result.repaired[CHECK_MISSING];
    stored->damaged = result.repaired[CHECK_EMPTY] + result.repaired[CHECK_CORRUPT];
    return ok;
}
