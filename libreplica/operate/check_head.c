/* SPDX-License-Identifier: Apache-2.0 */
/* The signed head of a check: manifest, whitelist, certificate, metainfo, tag database.
 */
#include "libreplica/operate/check_internal.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/history.h"
#include "libreplica/replicate/ensemble.h"
#include "libreplica/store/master_keys.h"

/* What it names is known before the signature is checked: without the certificate, which
 * may have to be fetched, there is no checking. */
static bool read_manifest(struct check *check, struct error *error)
{
    struct text text;

    if (!store_read(&text, check->store, MANIFEST_NAME, MANIFEST_SIZE_MAX, check->pool,
                    error) ||
        !manifest_parse(&check->manifest, text, check->pool, error))
        return error_prefix(error, "cannot check %s without its manifest",
                            check->repository->local_name);
    return true;
}

static bool check_named(struct check *check, const struct hash *hash,
                        enum object_type type, const char *context, struct error *error)
{
    struct object object = {*hash, type};
    enum check_kind kind;
    bool sound;

    if (hash_is_null(hash))
        return true;
    check->result->objects++;
    if (!check_object_state(&kind, &sound, check, &object, true, error))
        return false;
    return sound || check_object_mend(&sound, check, &object, kind, context, error);
}

static bool check_ensemble(struct check *check, struct error *error)
{
    struct ensemble_source source = {
        .fqrn = check->repository->fqrn,
        .origin_url = store_root(check->store),
        .store = check->store,
    };
    const char *public_key = check->options->public_key;
    struct ensemble ensemble;
    apr_array_header_t *keys;
    struct error problem;

    if (public_key == NULL)
        public_key = settings_text(check->repository->settings, SETTING_PUBLIC_KEY);
    if (!master_keys_load(&keys, public_key, check->pool, error))
        return false;
    source.master_keys = keys;
    if (!ensemble_read(&ensemble, &source, apr_time_now(), check->pool, &problem))
        check_find(check, CHECK_HEAD, "%s", problem.message);
    return true;
}

static bool note_tags(void *baton, const char *sentence, struct error *error)
{
    check_find(baton, CHECK_TAGS, "%s", sentence);
    return true;
}

/* A tag database that is missing or damaged for good has been reported by now. */
static bool check_tags(struct check *check, struct error *error)
{
    const char *path = apr_pstrcat(check->pool, check->scratch, "/tags", NULL);
    struct object object = {check->manifest->history, OBJECT_HISTORY};
    struct hash previous;
    struct error problem;
    const char *fqrn;
    bool intact;

    check->tags = apr_array_make(check->pool, 0, sizeof(struct tag));
    if (hash_is_null(&object.hash))
        return true;
    if (!store_verify(check->store, &object, &intact, error))
        return false;
    if (!intact)
        return true;
    check_say(check, "Inspecting tag database");
    if (!check_inflate(NULL, check, &object, path, &problem) ||
        !history_read(&fqrn, &previous, &check->tags, path, check->pool, &problem) ||
        !history_judge(path, note_tags, check, check->pool, &problem))
        check_find(check, CHECK_TAGS, "%s", problem.message);
    else if (strcmp(fqrn, check->repository->fqrn) != 0)
        check_find(check, CHECK_TAGS, "the tag database is of '%s'", fqrn);
    unlink(path);
    return true;
}

static bool check_link(struct check *check, const struct hash *hash,
                       enum object_type type, struct error *error)
{
    struct object object = {*hash, type};
    char name[OBJECT_NAME_SIZE];
    struct store_status status;
    bool found;

    if (hash_is_null(hash))
        return true;
    object_name(name, &object);
    if (!store_stat_file(check->store, apr_pstrcat(check->pool, ".cvmfsalt-", name, NULL),
                         &status, &found, error))
        return false;
    if (found)
        return true;
    check_find(check, CHECK_HEAD, "the link .cvmfsalt-%s is missing", name);
    if (!check->options->repairs)
        return true;
    if (!store_link_alternative(check->store, &object, error))
        return false;
    check_repaired(check, CHECK_HEAD, "the link .cvmfsalt-%s", name);
    return true;
}

bool check_head(struct check *check, struct error *error)
{
    const struct manifest *manifest;

    if (!read_manifest(check, error))
        return false;
    manifest = check->manifest;
    if (!check_named(check, &manifest->certificate, OBJECT_CERTIFICATE,
                     "(the certificate)", error) ||
        !check_named(check, &manifest->metainfo, OBJECT_METAINFO, "(the metainfo)",
                     error) ||
        !check_named(check, &manifest->history, OBJECT_HISTORY, "(the tag database)",
                     error) ||
        !check_ensemble(check, error) || !check_tags(check, error))
        return false;
    return !manifest->has_alternative_paths ||
           (check_link(check, &manifest->certificate, OBJECT_CERTIFICATE, error) &&
            check_link(check, &manifest->catalog, OBJECT_CATALOG, error));
}
