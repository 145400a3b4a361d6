/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of partial replicas, configured and recorded. */
#include "libreplica/store/partial_replica.h"

#include <string.h>

#include "libreplica/store/file.h"

bool partial_replica_configured(struct partial_rules **rules,
                                const struct repository *repository, apr_pool_t *pool,
                                struct error *error)
{
    const struct settings *settings = repository->settings;
    const char *path = settings_text(settings, SETTING_PARTIAL_REPLICATION_SPEC);
    struct text text;

    *rules = NULL;
    if (!settings_boolean(settings, SETTING_PARTIAL_REPLICATION))
        return true;
    if (*path == '\0')
        return error_set(error, ERROR_SETTING,
                         "%s: CVMFS_PARTIAL_REPLICATION is set, but not "
                         "CVMFS_PARTIAL_REPLICATION_SPEC, the file with the rules",
                         repository->local_name);
    if (!file_read(&text, path, PARTIAL_RULES_SIZE_MAX, pool, error))
        return error_prefix(error, "CVMFS_PARTIAL_REPLICATION_SPEC");
    return partial_rules_parse(rules, text, pool, error) ||
           error_prefix(error, "%s", path);
}

/* *found false: there is no such file. */
static bool read_copy(struct text *text, bool *found, struct store *store,
                      const char *name, apr_pool_t *pool, struct error *error)
{
    *found = store_read(text, store, name, PARTIAL_RULES_SIZE_MAX, pool, error);
    return *found || error->code == ERROR_NOT_FOUND;
}

static bool texts_equal(struct text a, struct text b)
{
    return a.length == b.length && memcmp(a.bytes, b.bytes, a.length) == 0;
}

/* One copy may be missing: an older server, or the reference, writes only one of them. */
bool partial_replica_recorded(struct partial_rules **rules, struct store *store,
                              apr_pool_t *pool, struct error *error)
{
    struct text first, second;
    bool has_first, has_second;

    *rules = NULL;
    if (!read_copy(&first, &has_first, store, PARTIAL_RULES_NAME, pool, error) ||
        !read_copy(&second, &has_second, store, PARTIAL_RULES_SECOND_NAME, pool, error))
        return false;
    if (!has_first && !has_second)
        return true;
    if (has_first && has_second && !texts_equal(first, second))
        return error_set(error, ERROR_BAD_FORMAT,
                         PARTIAL_RULES_NAME " and " PARTIAL_RULES_SECOND_NAME
                                            " in %s differ: the next snapshot mends that",
                         store_root(store));
    return partial_rules_parse(rules, has_first ? first : second, pool, error) ||
           error_prefix(error, "%s/%s", store_root(store),
                        has_first ? PARTIAL_RULES_NAME : PARTIAL_RULES_SECOND_NAME);
}

static bool is_copy_of(bool *same, struct store *store, const char *name,
                       const struct partial_rules *rules, apr_pool_t *pool,
                       struct error *error)
{
    struct text text;
    bool found;

    if (!read_copy(&text, &found, store, name, pool, error)) {
        *same = false;
        return error->code == ERROR_TOO_LARGE;
    }
    *same =
        rules == NULL ? !found : found && texts_equal(text, partial_rules_text(rules));
    return true;
}

bool partial_replica_is_settled(bool *settled, struct store *store,
                                const struct partial_rules *rules, apr_pool_t *pool,
                                struct error *error)
{
    struct store_status status;
    bool is_changing, first, second;

    if (!store_stat_file(store, PARTIAL_CHANGE_NAME, &status, &is_changing, error) ||
        !is_copy_of(&first, store, PARTIAL_RULES_NAME, rules, pool, error) ||
        !is_copy_of(&second, store, PARTIAL_RULES_SECOND_NAME, rules, pool, error))
        return false;
    *settled = !is_changing && first && second;
    return true;
}

bool partial_replica_begin(struct store *store, struct error *error)
{
    return store_replace(store, PARTIAL_CHANGE_NAME, text_of("no catalog is trusted\n"),
                         error);
}

bool partial_replica_record(struct store *store, const struct partial_rules *rules,
                            struct error *error)
{
    if (rules == NULL)
        return store_remove_file(store, PARTIAL_RULES_NAME, error) &&
               store_remove_file(store, PARTIAL_RULES_SECOND_NAME, error);
    return store_replace(store, PARTIAL_RULES_NAME, partial_rules_text(rules), error) &&
           store_replace(store, PARTIAL_RULES_SECOND_NAME, partial_rules_text(rules),
                         error);
}

bool partial_replica_end(struct store *store, struct error *error)
{
    return store_remove_file(store, PARTIAL_CHANGE_NAME, error);
}
