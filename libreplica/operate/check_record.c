/* SPDX-License-Identifier: Apache-2.0 */
/* When a repository was checked, and how that ended. */
#include "libreplica/operate/check_record.h"

#include "libreplica/base/date.h"
#include "libreplica/operate/status.h"

#define LAST_CHECK "last_check"

static bool record(struct store *store, bool succeeded, apr_pool_t *pool,
                   struct error *error)
{
    char date[DATE_UTC_SIZE];
    struct status_change changes[] = {
        {LAST_CHECK, date}, {"check_status", succeeded ? "succeeded" : "failed"}};

    date_format_utc(date, apr_time_now());
    return status_update(store, changes, sizeof(changes) / sizeof(*changes), pool, error);
}

static bool open_store(struct store **store, const struct repository *repository,
                       apr_pool_t *pool, struct error *error)
{
    return store_open(store, repository->storage, repository->temporary, pool, error);
}

bool check_record(const struct repository *repository, bool succeeded, apr_pool_t *pool,
                  struct error *error)
{
    struct store *store;

    return open_store(&store, repository, pool, error) &&
           record(store, succeeded, pool, error);
}

bool check_record_if_known(const struct repository *repository, apr_pool_t *pool,
                           struct error *error)
{
    struct store *store;

    if (!open_store(&store, repository, pool, error))
        return false;
    return status_read(store, LAST_CHECK, pool) == NULL ||
           record(store, true, pool, error);
}

apr_time_t check_record_time(const struct repository *repository, apr_pool_t *pool)
{
    apr_time_t when = 0;
    struct store *store;
    const char *date;

    if (!open_store(&store, repository, pool, NULL))
        return 0;
    date = status_read(store, LAST_CHECK, pool);
    if (date != NULL)
        date_parse_utc(&when, text_of(date));
    return when;
}
