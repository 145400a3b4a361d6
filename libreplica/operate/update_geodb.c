/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping the geo database fresh: whether, and what. */
#include "libreplica/operate/update_geodb.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_time.h>

#include "libreplica/geo/database.h"
#include "libreplica/operate/geo_files.h"
#include "libreplica/operate/geo_install.h"
#include "libreplica/operate/geo_slot.h"
#include "libreplica/operate/journal.h"
#include "libreplica/operate/owner.h"
#include "libreplica/operate/server_info.h"

#define WAIT_STEP_MICROSECONDS 100000

static void say(const struct geo_update_options *options, const char *text)
{
    if (options->say != NULL)
        options->say(options->baton, text);
}

static bool check_directory(const char *path, apr_pool_t *pool, struct error *error)
{
    const char *directory = geo_files_directory(path, pool);

    return access(directory, W_OK | X_OK) == 0 ||
           error_set(error, ERROR_PERMISSION,
                     "Directory '%s' does not exist or is not writable by %s", directory,
                     owner_current_name(pool));
}

/* A lazy caller comes back anyway; a person waits for what is under way. */
static bool lock(const char *path, const struct geo_update_options *options,
                 apr_pool_t *pool, struct error *error)
{
    const char *directory = geo_files_directory(path, pool);

    while (!geo_files_lock(directory, pool, error)) {
        if (error->code != ERROR_BUSY || options->is_lazy)
            return false;
        if (options->stop != NULL && *options->stop)
            return error_set(error, ERROR_CANCELLED,
                             "stopped while another update of the geo database runs");
        apr_sleep(WAIT_STEP_MICROSECONDS);
    }
    return true;
}

static bool is_linked_to(const char *path, const char *target)
{
    char found[4096];
    ssize_t length = readlink(path, found, sizeof(found) - 1);

    if (length < 0)
        return false;
    found[length] = '\0';
    return strcmp(found, target) == 0;
}

/* A file that is no database is for its owner to mend: the link is what was asked for. */
static void warn_of_bad_file(const char *target, const struct geo_update_options *options,
                             apr_pool_t *pool)
{
    apr_array_header_t *paths = apr_array_make(pool, 1, sizeof(const char *));
    struct geo_database *database;
    struct error error;

    APR_ARRAY_PUSH(paths, const char *) = target;
    if (!geo_database_open(&database, paths, pool, &error))
        say(options,
            apr_psprintf(pool, "WARNING: CVMFS_GEO_DB_FILE: %s\n", error.message));
}

static bool make_link(struct geo_update_result *result, const char *path,
                      const char *target, const struct geo_update_options *options,
                      apr_pool_t *pool, struct error *error)
{
    const char *temporary = apr_pstrcat(pool, geo_files_directory(path, pool), "/.",
                                        strrchr(path, '/') + 1, ".link", NULL);

    if (is_linked_to(path, target))
        return true;
    if (*target == '/' && access(target, R_OK) != 0)
        return error_set(error, ERROR_PERMISSION,
                         "CVMFS_GEO_DB_FILE: %s does not exist or is not readable",
                         target);
    say(options, "Linking GeoIP Database\n");
    journal_write("GeoIP", "linking db from %s", target);
    if (*target == '/')
        warn_of_bad_file(target, options, pool);
    unlink(temporary);
    if (symlink(target, temporary) != 0 || rename(temporary, path) != 0) {
        error_set_errno(error, errno, "cannot link %s to %s", path, target);
        unlink(temporary);
        return false;
    }
    result->outcome = GEO_UPDATE_LINKED;
    return true;
}

/* The oldest of the files; false if one is missing or a link: those are installed at any
 * time. */
static bool find_age(time_t *written, const apr_array_header_t *paths)
{
    struct stat status;

    for (int i = 0; i < paths->nelts; i++) {
        if (lstat(APR_ARRAY_IDX(paths, i, const char *), &status) != 0 ||
            !S_ISREG(status.st_mode))
            return false;
        if (i == 0 || status.st_mtime < *written)
            *written = status.st_mtime;
    }
    return true;
}

static enum geo_slot_verdict judge(const struct settings *server, time_t written,
                                   const struct tm *local, time_t now,
                                   const struct geo_update_options *options,
                                   const char *directory, apr_pool_t *pool)
{
    struct geo_slot_rules rules = {
        .weekday = (int)settings_number(server, SETTING_UPDATEGEO_DAY),
        .hour = (int)settings_number(server, SETTING_UPDATEGEO_HOUR),
        .minimum_days = (int)settings_number(server, SETTING_UPDATEGEO_MINDAYS),
        .maximum_days = (int)settings_number(server, SETTING_UPDATEGEO_MAXDAYS),
        .tried_already = geo_files_tried_today(directory, local, pool),
    };

    if (options->identity != NULL)
        rules.delay_minutes = geo_slot_delay(options->identity, rules.hour);
    return geo_slot_judge(&rules, now, local, written);
}

/* What is to be begun, for people; NULL if it is nothing. */
static const char *decide(struct geo_update_result *result, const struct settings *server,
                          const apr_array_header_t *paths,
                          const struct geo_update_options *options, apr_pool_t *pool)
{
    const char *directory =
        geo_files_directory(APR_ARRAY_IDX(paths, 0, const char *), pool);
    time_t now = time(NULL), written = 0;
    enum geo_slot_verdict verdict;
    struct tm local;

    if (!find_age(&written, paths))
        return "Installing GeoIP Database... ";
    if (!options->is_lazy)
        return "Updating GeoIP Database... ";
    localtime_r(&now, &local);
    verdict = judge(server, written, &local, now, options, directory, pool);
    if (verdict == GEO_SLOT_WAIT) {
        result->outcome = GEO_UPDATE_WAITING;
        say(options, "GeoIP Database is expired, but waiting for install time slot.\n");
    }
    if (verdict != GEO_SLOT_DUE && verdict != GEO_SLOT_DUE_VERY_OLD)
        return NULL;
    geo_files_note_try(directory, &local, pool);
    return verdict == GEO_SLOT_DUE ? "GeoIP Database is expired. Updating... "
                                   : "GeoIP Database is very old. Updating... ";
}

/* The date in repositories.json. What else is wrong with that file is not the database's
 * business. */
static void refresh_info(const char *confdir, const struct settings *server,
                         const struct geo_update_options *options, apr_pool_t *pool)
{
    struct error error;

    if (access(server_info_directory(server, pool), W_OK) == 0 &&
        !server_info_update(confdir, server, pool, &error))
        say(options,
            apr_psprintf(pool, "WARNING: repositories.json: %s\n", error.message));
}

/* Settings in a file that only root can read are not missing, but look so. */
static bool refuse(const char *missing, const char *confdir, apr_pool_t *pool,
                   struct error *error)
{
    const char *secret = apr_pstrcat(pool, confdir, "/server.local", NULL);

    journal_write("GeoIP", "%s not set", missing);
    if (access(secret, R_OK) != 0 && errno == EACCES)
        return error_set(error, ERROR_SETTING, "%s is not set: %s cannot be read by %s",
                         missing, secret, owner_current_name(pool));
    return error_set(error, ERROR_SETTING,
                     "%s is not set: a MaxMind account has both an ID and a license key; "
                     "REPLICA_GEO_DB_URL is for databases without an account",
                     missing);
}

static bool install(struct geo_update_result *result, const struct geo_sources *sources,
                    const char *confdir, const struct settings *server,
                    const struct geo_update_options *options, apr_pool_t *pool,
                    struct error *error)
{
    const char *begun;
    bool any_new;

    for (int i = 0; i < sources->paths->nelts; i++)
        geo_files_clean_up(APR_ARRAY_IDX(sources->paths, i, const char *), pool);
    begun = decide(result, server, sources->paths, options, pool);
    if (begun == NULL)
        return true;
    say(options, begun);
    result->was_tried = true;
    if (sources->plan == GEO_PLAN_NOTHING)
        return refuse(sources->missing, confdir, pool, error);
    if (!geo_install(&any_new, sources, server, options->stop, pool, error))
        return false;
    result->outcome = any_new ? GEO_UPDATE_INSTALLED : GEO_UPDATE_CURRENT;
    return true;
}

static bool link_file(struct geo_update_result *result, const struct geo_sources *sources,
                      const struct settings *server,
                      const struct geo_update_options *options, apr_pool_t *pool,
                      struct error *error)
{
    const char *path =
        apr_pstrcat(pool, settings_text(server, SETTING_UPDATEGEO_DIR), "/",
                    settings_text(server, SETTING_UPDATEGEO_DB), NULL);

    return check_directory(path, pool, error) &&
           make_link(result, path, sources->linked, options, pool, error);
}

static bool update_files(struct geo_update_result *result,
                         const struct geo_sources *sources, const char *confdir,
                         const struct settings *server,
                         const struct geo_update_options *options, apr_pool_t *pool,
                         struct error *error)
{
    struct error reason;

    for (int i = 0; i < sources->paths->nelts; i++)
        if (!check_directory(APR_ARRAY_IDX(sources->paths, i, const char *), pool, error))
            return false;
    if (lock(APR_ARRAY_IDX(sources->paths, 0, const char *), options, pool, &reason))
        return install(result, sources, confdir, server, options, pool, error);
    if (reason.code == ERROR_BUSY) {
        result->outcome = GEO_UPDATE_BUSY;
        return true;
    }
    if (error != NULL)
        *error = reason;
    return false;
}

bool update_geodb(struct geo_update_result *result, const char *confdir,
                  const struct settings *server, const struct geo_update_options *options,
                  apr_pool_t *pool, struct error *error)
{
    struct geo_sources sources;
    bool ok;

    *result = (struct geo_update_result){GEO_UPDATE_NOTHING, false};
    if (!geo_sources_find(&sources, server, time(NULL), pool, error))
        return false;
    ok = sources.plan == GEO_PLAN_LINK
             ? link_file(result, &sources, server, options, pool, error)
             : update_files(result, &sources, confdir, server, options, pool, error);
    if (ok && (result->outcome == GEO_UPDATE_LINKED || result->was_tried))
        refresh_info(confdir, server, options, pool);
    return ok;
}

bool update_geodb_is_configured(const struct settings *server, apr_pool_t *pool)
{
    struct geo_sources sources;

    /* What is wrong with them should be said, so that counts as well. */
    return !geo_sources_find(&sources, server, time(NULL), pool, NULL) ||
           (sources.plan == GEO_PLAN_LINK ? *sources.linked == '/'
                                          : sources.plan == GEO_PLAN_DOWNLOAD);
}
