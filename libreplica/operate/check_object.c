/* SPDX-License-Identifier: Apache-2.0 */
/* One object of a check: whether it is what its name says, and getting it right. */
#include "libreplica/operate/check_internal.h"

#include <string.h>

void check_record_of(struct check_record *record, const struct object *object,
                     int64_t catalog)
{
    memcpy(record->digest, object->hash.digest, HASH_DIGEST_SIZE);
    record->type = (unsigned char)object->type;
    record->algorithm = (unsigned char)object->hash.algorithm;
    for (int i = 7; i >= 0; i--, catalog >>= 8)
        record->catalog[i] = (unsigned char)(catalog & 0xff);
}

struct object check_record_object(const struct check_record *record)
{
    struct object object = {.type = (enum object_type)record->type};

    object.hash.algorithm = (enum hash_algorithm)record->algorithm;
    memcpy(object.hash.digest, record->digest, HASH_DIGEST_SIZE);
    return object;
}

/* What lies in an object's place but is no regular file is as good as corrupt. */
bool check_object_state(enum check_kind *kind, bool *sound, struct check *check,
                        const struct object *object, bool reads, struct error *error)
{
    struct store_status status;
    bool found;

    *kind = CHECK_CORRUPT;
    *sound = false;
    if (!store_stat(check->store, object, &status, &found, error))
        return error->code == ERROR_IO;
    *kind = !found ? CHECK_MISSING : status.size == 0 ? CHECK_EMPTY : CHECK_CORRUPT;
    if (!found)
        return true;
    /* What a crash may have cut is not believed without reading. */
    if (reads || status.size == 0 ||
        (check->options->repairs && dirty_marker_covers(&check->marker, &status)))
        return store_verify(check->store, object, sound, error);
    *sound = true;
    return true;
}

/* Bytes that are known to be wrong must not be served while nobody has the right ones:
 * clients go to another server at once when they get a 404, and the next run of anything
 * sees that the object is missing. */
static bool set_aside(struct check *check, const struct object *object, const char *name,
                      enum check_kind kind, struct error *error)
{
    if (kind == CHECK_MISSING)
        return true;
    if (!store_quarantine(check->store, object, error))
        return false;
    check_say(check, "moved %s to the quarantine", name);
    return true;
}

static bool fetch(struct check *check, const struct object *object, struct error *error)
{
    int64_t limit =
        settings_number(check->repository->settings, SETTING_MAX_OBJECT_BYTES);
    apr_pool_t *own;
    bool ok;

    apr_pool_create(&own, check->pool);
    ok = upstreams_fetch(check->upstreams, check->store, object, limit, own, error);
    apr_pool_destroy(own);
    return ok;
}

bool check_object_mend(bool *sound, struct check *check, const struct object *object,
                       enum check_kind kind, const char *context, struct error *error)
{
    char name[OBJECT_NAME_SIZE];
    struct error problem;

    *sound = false;
    check_find(check, kind, "object %s %s", object_name(name, object), context);
    if (!check->options->repairs)
        return true;
    if (fetch(check, object, &problem)) {
        /* An earlier run moved a damaged one there when nobody had a better one. */
        store_drop_quarantined(check->store, object, NULL);
        check_repaired(check, kind, "object %s", name);
        *sound = true;
        return true;
    }
    if (problem.code == ERROR_CANCELLED || problem.code == ERROR_NO_SPACE) {
        *error = problem;
        return false;
    }
    check_not_repaired(check, name, &problem);
    return set_aside(check, object, name, kind, error);
}
