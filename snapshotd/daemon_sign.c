/* SPDX-License-Identifier: Apache-2.0 */
/* Whitelists of the Stratum 0s of this user: signed anew in time, or an alert. */
#include "snapshotd/daemon.h"

#include <stdlib.h>
#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/base/date.h"
#include "libreplica/operate/renew_whitelist.h"
#include "libreplica/store/file.h"
#include "snapshotd/state_command.h"

#define STATUS_SIZE_MAX (16 * 1024 * 1024)
/* At a time: each may cost an fsync, and the loop has other things to do. */
#define LOOKS_MAX 10

/* Whoever was told of trouble by an earlier process is told of its end, too. */
void daemon_sign_begin(struct daemon *daemon)
{
    const char *path =
        apr_pstrcat(daemon->pool, settings_text(daemon->server, SETTING_SERVER_SPOOL_DIR),
                    "/snapshotd.json", NULL);
    json_t *root = NULL, *signing;
    struct text content;
    const char *name;

    daemon->signings = apr_array_make(daemon->pool, 4, sizeof(struct sign_entry *));
    daemon->alerted = apr_hash_make(daemon->pool);
    if (file_read(&content, path, STATUS_SIZE_MAX, daemon->scan_pool, NULL))
        root = json_loadb(content.bytes, content.length, 0, NULL);
    json_object_foreach(json_object_get(root, "signing"), name, signing)
    {
        if (json_is_true(json_object_get(signing, "alert")))
            apr_hash_set(daemon->alerted, apr_pstrdup(daemon->pool, name),
                         APR_HASH_KEY_STRING, "");
    }
    json_decref(root);
}

static struct sign_entry *find(const struct daemon *daemon, const char *local_name)
{
    for (int i = 0; i < daemon->signings->nelts; i++) {
        struct sign_entry *entry =
            APR_ARRAY_IDX(daemon->signings, i, struct sign_entry *);

        if (strcmp(entry->local_name, local_name) == 0)
            return entry;
    }
    return NULL;
}

void daemon_sign_see(struct daemon *daemon, const struct repository *repository)
{
    struct sign_entry *entry = find(daemon, repository->local_name);

    if (entry == NULL) {
        entry = calloc(1, sizeof(*entry));
        if (entry == NULL || (entry->local_name = strdup(repository->local_name)) == NULL)
            abort();
        entry->is_alert =
            apr_hash_get(daemon->alerted, entry->local_name, APR_HASH_KEY_STRING) != NULL;
        APR_ARRAY_PUSH(daemon->signings, struct sign_entry *) = entry;
    }
    entry->is_seen = true;
}

void daemon_sign_forget_unseen(struct daemon *daemon)
{
    int kept = 0;

    for (int i = 0; i < daemon->signings->nelts; i++) {
        struct sign_entry *entry =
            APR_ARRAY_IDX(daemon->signings, i, struct sign_entry *);

        if (entry->is_seen) {
            entry->is_seen = false;
            APR_ARRAY_IDX(daemon->signings, kept, struct sign_entry *) = entry;
            kept++;
        } else {
            free((char *)entry->local_name);
            free(entry);
        }
    }
    daemon->signings->nelts = kept;
}

void daemon_sign_end(struct daemon *daemon)
{
    for (int i = 0; i < daemon->signings->nelts; i++) {
        struct sign_entry *entry =
            APR_ARRAY_IDX(daemon->signings, i, struct sign_entry *);

        free((char *)entry->local_name);
        free(entry);
    }
    daemon->signings->nelts = 0;
}

void daemon_sign_hurry(struct daemon *daemon)
{
    for (int i = 0; i < daemon->signings->nelts; i++)
        APR_ARRAY_IDX(daemon->signings, i, struct sign_entry *)->next_look = 0;
}

static bool renew(struct whitelist_renewal *renewal, const struct daemon *daemon,
                  const struct sign_entry *entry, apr_time_t now, apr_pool_t *pool,
                  struct error *error)
{
    const char *keys = server_keys_directory(daemon->server, daemon->confdir, pool);
    struct repository *repository;

    *renewal = (struct whitelist_renewal){.expires = entry->expires};
    return repository_read(&repository, daemon->confdir, entry->local_name,
                           daemon->server, pool, error) &&
           renew_whitelist(renewal, repository, keys, now, pool, error);
}

/* One line a day while it goes on. */
static void complain(struct daemon *daemon, const struct sign_entry *entry,
                     apr_time_t now, apr_pool_t *pool)
{
    if (entry->problem.message[0] != '\0')
        daemon_report_once(
            daemon, entry->is_alert ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
            apr_psprintf(pool,
                         "whitelist repository=%s days_left=%" APR_INT64_T_FMT
                         " not signed anew: %s",
                         entry->local_name, (apr_int64_t)sign_entry_days_left(entry, now),
                         entry->problem.message));
}

static void look(struct daemon *daemon, struct sign_entry *entry, apr_time_t now,
                 apr_pool_t *pool)
{
    const char *command = settings_text(daemon->server, SETTING_STATE_COMMAND);
    struct whitelist_renewal renewal;
    char date[DATE_UTC_SIZE];
    enum sign_news news;
    struct error error;
    bool ok = renew(&renewal, daemon, entry, now, pool, &error);

    news = sign_entry_take(entry, renewal.expires, ok ? NULL : &error,
                           daemon_random(daemon), now);
    if (renewal.was_signed) {
        date_format_iso(date, renewal.expires);
        log_write(LOG_LEVEL_INFO, "whitelist repository=%s result=signed expires=%s",
                  entry->local_name, date);
    }
    complain(daemon, entry, now, pool);
    if (news == SIGN_ALERT)
        state_command_tell(command, entry->local_name, "expiring",
                           entry->problem.message);
    else if (news == SIGN_ALERT_ENDED)
        state_command_tell(command, entry->local_name, "signed", "");
}

void daemon_sign_due(struct daemon *daemon)
{
    apr_time_t now = apr_time_now(), wake = now;
    struct sign_entry *entry;
    apr_pool_t *pool;
    int looks = 0;

    apr_pool_create(&pool, NULL);
    while (looks < LOOKS_MAX &&
           (entry = sign_plan_next(daemon->signings, now, &wake)) != NULL) {
        apr_pool_clear(pool);
        look(daemon, entry, now, pool);
        looks++;
    }
    apr_pool_destroy(pool);
    if (looks > 0)
        daemon_write_status(daemon, NULL, NULL);
}

apr_time_t daemon_sign_wake(const struct daemon *daemon, apr_time_t wake)
{
    sign_plan_next(daemon->signings, apr_time_now(), &wake);
    return wake;
}
