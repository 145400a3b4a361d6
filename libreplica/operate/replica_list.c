/* SPDX-License-Identifier: Apache-2.0 */
/* Which replicas are to be snapshotted, in which order. */
#include "libreplica/operate/replica_list.h"

#include <stdlib.h>
#include <string.h>

#include "libreplica/store/store.h"

static bool is_among(const char *group, const char *groups)
{
    const char *rest = groups;

    if (*group == '\0')
        group = "-";
    for (;;) {
        size_t blanks = strspn(rest, " \t"), length;

        rest += blanks;
        length = strcspn(rest, " \t");
        if (length == 0)
            return false;
        if (text_equals((struct text){rest, length}, group))
            return true;
        rest += length;
    }
}

static bool is_wanted(const struct repository *repository,
                      const struct replica_list_options *options)
{
    const struct settings *settings = repository->settings;
    const char *group;

    if ((repository->kind != REPOSITORY_STRATUM1 && !options->includes_stratum0) ||
        !settings_boolean(settings, SETTING_REPLICA_ACTIVE) ||
        settings_boolean(settings, SETTING_PASSTHROUGH))
        return false;
    if (repository->kind != REPOSITORY_STRATUM1)
        return true; /* groups are of snapshots */
    group = settings_text(settings, SETTING_SNAPSHOT_GROUP);
    return (options->group == NULL || strcmp(options->group, group) == 0) &&
           (options->groups == NULL || *options->groups == '\0' ||
            is_among(group, options->groups));
}

static bool last_snapshot_of(apr_time_t *when, const struct repository *repository,
                             apr_pool_t *pool, struct error *error)
{
    struct store_status status;
    struct store *store;
    bool found;

    *when = 0;
    if (!store_open(&store, repository->storage, repository->temporary, pool, error) ||
        !store_stat_file(store, ".cvmfs_last_snapshot", &status, &found, error))
        return false;
    if (found)
        *when = status.changed;
    return true;
}

static int by_age(const void *a, const void *b)
{
    const struct replica_candidate *left = a, *right = b;

    if (left->last_snapshot != right->last_snapshot)
        return left->last_snapshot < right->last_snapshot ? -1 : 1;
    return strcmp(left->repository->local_name, right->repository->local_name);
}

static bool consider(struct replica_candidate *candidate, bool *wanted,
                     const char *confdir, const char *name, const struct settings *server,
                     const struct replica_list_options *options, apr_pool_t *pool,
                     struct error *error)
{
    apr_pool_t *scratch;
    bool ok;

    *wanted = false;
    if (!repository_read(&candidate->repository, confdir, name, server, pool, error))
        return false;
    if (!is_wanted(candidate->repository, options))
        return true;
    apr_pool_create(&scratch, pool);
    ok = last_snapshot_of(&candidate->last_snapshot, candidate->repository, scratch,
                          error);
    apr_pool_destroy(scratch);
    *wanted = ok && !(options->skip_initial && candidate->last_snapshot == 0);
    return ok;
}

bool replica_list(apr_array_header_t **candidates, apr_array_header_t **problems,
                  const char *confdir, const struct settings *server,
                  const struct replica_list_options *options, apr_pool_t *pool,
                  struct error *error)
{
    apr_array_header_t *names;

    if (!repository_names(&names, confdir, pool, error))
        return false;
    *candidates = apr_array_make(pool, names->nelts, sizeof(struct replica_candidate));
    *problems = apr_array_make(pool, 0, sizeof(struct replica_problem));
    for (int i = 0; i < names->nelts; i++) {
        struct replica_problem problem = {APR_ARRAY_IDX(names, i, const char *), {0}};
        struct replica_candidate candidate;
        bool wanted;

        if (!consider(&candidate, &wanted, confdir, problem.local_name, server, options,
                      pool, &problem.error))
            APR_ARRAY_PUSH(*problems, struct replica_problem) = problem;
        else if (wanted)
            APR_ARRAY_PUSH(*candidates, struct replica_candidate) = candidate;
    }
    qsort((*candidates)->elts, (size_t)(*candidates)->nelts,
          sizeof(struct replica_candidate), by_age);
    return true;
}
