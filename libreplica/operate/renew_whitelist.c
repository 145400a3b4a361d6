/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the whitelist of a Stratum 0 alive. */
#include "libreplica/operate/renew_whitelist.h"

#include "libreplica/base/date.h"
#include "libreplica/base/lock.h"
#include "libreplica/format/manifest.h"
#include "libreplica/publish/whitelists.h"

#define DAY apr_time_from_sec((apr_time_t)24 * 3600)

struct renewing {
    const struct repository *repository;
    const struct whitelist *present; /* NULL: there is none */
    struct publish_target target;
    struct store *store;
    int64_t days;
    apr_time_t now;
    apr_pool_t *pool;
};

bool whitelist_is_due(const struct whitelist *present, int64_t days, apr_time_t now)
{
    return now >= whitelist_half_life(present) && now + days * DAY > present->expires;
}

/* What was made here lies in the past, or the clock is wrong. */
static bool check_time(apr_time_t made, const char *what, const struct renewing *renewing,
                       struct error *error)
{
    char date[DATE_UTC_SIZE];

    if (made <= renewing->now + DAY)
        return true;
    date_format_iso(date, made);
    return error_set(error, ERROR_OUTDATED,
                     "%s of %s was made at %s, and this host's clock is behind that: no "
                     "whitelist is signed until the clock is right, or 'replicactl "
                     "resign' is run",
                     what, renewing->target.fqrn, date);
}

/* A whitelist of a wrong hour would be dead at once, or live for years. */
static bool check_clock(const struct renewing *renewing, struct error *error)
{
    struct manifest *manifest;
    struct text text;

    if (renewing->present != NULL &&
        !check_time(renewing->present->created, "the whitelist", renewing, error))
        return false;
    if (!store_read(&text, renewing->store, MANIFEST_NAME, MANIFEST_SIZE_MAX,
                    renewing->pool, NULL) ||
        !manifest_parse(&manifest, text, renewing->pool, NULL))
        return true; /* that is told elsewhere */
    return check_time(apr_time_from_sec(manifest->published_seconds), "the manifest",
                      renewing, error);
}

static bool check_wish(const struct renewing *renewing, struct error *error)
{
    return settings_boolean(renewing->repository->settings, SETTING_WHITELIST_RENEWAL) ||
           error_set(error, ERROR_UNSUPPORTED,
                     "REPLICA_WHITELIST_RENEWAL is off, and nobody else has signed the "
                     "whitelist of %s anew",
                     renewing->target.fqrn);
}

static bool sign(struct whitelist_renewal *renewal, const struct renewing *renewing,
                 struct error *error)
{
    struct whitelist_terms terms = {.days = (int)renewing->days};
    struct lock *lock;
    bool ok;

    if (!lock_try(&lock, repository_update_lock(renewing->repository, renewing->pool),
                  renewing->pool, error))
        return false;
    ok = publish_sign_whitelist(&renewing->target, &terms, renewing->now, renewing->pool,
                                error);
    lock_release(lock);
    if (ok)
        *renewal = (struct whitelist_renewal){renewing->now + terms.days * DAY, true};
    return ok;
}

static bool has_manifest(const struct renewing *renewing)
{
    struct store_status status;
    bool found;

    return !store_stat_file(renewing->store, MANIFEST_NAME, &status, &found, NULL) ||
           found;
}

static bool renew(struct whitelist_renewal *renewal, const struct renewing *renewing,
                  struct error *error)
{
    const struct whitelist *present = renewing->present;
    apr_time_t left = present != NULL ? present->expires - renewing->now : 0;
    bool renews =
        settings_boolean(renewing->repository->settings, SETTING_WHITELIST_RENEWAL);
    bool is_due =
        present == NULL || whitelist_is_due(present, renewing->days, renewing->now);

    /* One that is being made has neither. */
    if (present == NULL && !has_manifest(renewing))
        return true;
    if (left > WHITELIST_ALERT_TIME && !(renews && is_due))
        return check_clock(renewing, error);
    if (!check_wish(renewing, error) || !check_clock(renewing, error) ||
        !publish_check_whitelist_keys(&renewing->target, present, renewing->pool, error))
        return false;
    return !is_due || sign(renewal, renewing, error);
}

bool renew_whitelist(struct whitelist_renewal *renewal,
                     const struct repository *repository, const char *keys,
                     apr_time_t now, apr_pool_t *pool, struct error *error)
{
    struct renewing renewing = {.repository = repository, .now = now, .pool = pool};
    struct whitelist *present;

    *renewal = (struct whitelist_renewal){0};
    renewing.days = settings_number(repository->settings, SETTING_WHITELIST_DAYS);
    if (!publish_target_of(&renewing.target, repository, keys, pool, error) ||
        !repository_open_store(&renewing.store, repository, pool, error) ||
        !whitelist_read_present(&present, renewing.store, pool, error))
        return false;
    renewing.present = present;
    if (present != NULL)
        renewal->expires = present->expires;
    return renew(renewal, &renewing, error);
}
