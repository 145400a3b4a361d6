/* SPDX-License-Identifier: Apache-2.0 */
/* Register a replica. */
#include "libreplica/operate/add_replica.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/operate/origin_options.h"
#include "libreplica/operate/configuration_line.h"
#include "libreplica/operate/new_folders.h"
#include "libreplica/operate/server_info.h"
#include "libreplica/operate/web_configuration.h"
#include "libreplica/replicate/ensemble.h"
#include "libreplica/store/file.h"
#include "libreplica/store/master_keys.h"
#include "libreplica/store/repository.h"

/* The folder and files of the repository's configuration. */
struct configuration_files {
    const char *folder;
    const char *server;
    const char *replica;
    bool made_folder;
};

static struct configuration_files files_of(const char *confdir, const char *local_name,
                                           apr_pool_t *pool)
{
    const char *folder = apr_pstrcat(pool, confdir, "/repositories.d/", local_name, NULL);

    return (struct configuration_files){
        .folder = folder,
        .server = apr_pstrcat(pool, folder, "/server.conf", NULL),
        .replica = apr_pstrcat(pool, folder, "/replica.conf", NULL),
    };
}

static bool trim_url(const char **url, const char *given, apr_pool_t *pool,
                     struct error *error)
{
    char *trimmed = apr_pstrdup(pool, given);
    size_t length = strlen(trimmed);

    if (strncmp(given, "http://", 7) != 0 && strncmp(given, "https://", 8) != 0)
        return error_set(error, ERROR_USAGE, "%s is not a http:// or https:// URL",
                         text_for_people(text_of(given), 100, pool));
    while (trimmed[length - 1] == '/')
        trimmed[--length] = '\0';
    *url = trimmed;
    return true;
}

static bool create_fetcher(struct fetcher **fetcher, const struct settings *server,
                           const volatile int *stop, apr_pool_t *pool,
                           struct error *error)
{
    struct fetcher_options options = origin_options(server, stop);

    return fetcher_create(fetcher, &options, pool, error);
}

/* The name comes from the manifest, so the manifest is read before it can be verified as
 * that repository's. */
static bool fetch_name(struct add_replica *replica, struct fetcher *fetcher,
                       apr_pool_t *pool, struct error *error)
{
    struct manifest *manifest;
    struct text text;

    if (!fetch_text(&text, fetcher, replica->origin_url, MANIFEST_NAME, MANIFEST_SIZE_MAX,
                    false, pool, error) ||
        !manifest_parse(&manifest, text, pool, error))
        return false;
    if (!text_is_repository_name(text_of(manifest->fqrn)))
        return error_set(error, ERROR_BAD_FORMAT,
                         "the manifest's name '%s' is not a repository name",
                         text_for_people(text_of(manifest->fqrn), 60, pool));
    replica->fqrn = manifest->fqrn;
    return true;
}

static bool verify(const struct add_replica *replica,
                   const struct add_replica_options *options, struct fetcher *fetcher,
                   apr_pool_t *pool, struct error *error)
{
    struct ensemble ensemble;
    apr_array_header_t *keys;
    struct ensemble_source source = {
        .fqrn = replica->fqrn,
        .origin_url = replica->origin_url,
        .fetcher = fetcher,
    };

    if (!master_keys_load(&keys, options->public_key, pool, error))
        return false;
    source.master_keys = keys;
    return ensemble_fetch(&ensemble, &source, apr_time_now(), pool, error);
}

static bool look_at_origin(struct add_replica *replica,
                           const struct add_replica_options *options,
                           struct fetcher *fetcher, apr_pool_t *pool, struct error *error)
{
    if (fetch_name(replica, fetcher, pool, error) &&
        (options->is_passthrough || verify(replica, options, fetcher, pool, error)))
        return true;
    return error_prefix(error, "Failed to access Stratum0 repository at %s",
                        replica->origin_url);
}

static bool check_replicable(const struct add_replica *replica, struct fetcher *fetcher,
                             struct error *error)
{
    if (fetch_exists(fetcher, replica->origin_url, MASTER_REPLICA_NAME, error))
        return true;
    if (error->code == ERROR_NOT_FOUND || error->code == ERROR_REFUSED)
        return error_set(
            error, ERROR_REFUSED,
            "The repository URL %s does not point to a replicable master copy of %s: "
            "there is no " MASTER_REPLICA_NAME,
            replica->origin_url, replica->fqrn);
    return error_prefix(error, "Failed to access Stratum0 repository at %s",
                        replica->origin_url);
}

static bool check_not_configured(const struct add_replica *replica, const char *confdir,
                                 apr_pool_t *pool, struct error *error)
{
    struct configuration_files files = files_of(confdir, replica->local_name, pool);

    if (access(files.server, F_OK) != 0)
        return true;
    if (access(files.replica, F_OK) == 0)
        return error_set(error, ERROR_EXISTS, "There is already a Stratum1 repository %s",
                         replica->local_name);
    return error_set(error, ERROR_EXISTS,
                     "Repository %s already exists as a Stratum0 repository.\n"
                     "Use -n to create an aliased Stratum1 replica for %s on this "
                     "machine.",
                     replica->local_name, replica->fqrn);
}

bool add_replica_check(struct add_replica *replica,
                       const struct add_replica_options *options, const char *confdir,
                       const struct settings *server, apr_pool_t *pool,
                       struct error *error)
{
    struct fetcher *fetcher;

    if (!trim_url(&replica->origin_url, options->origin_url, pool, error) ||
        !create_fetcher(&fetcher, server, options->stop, pool, error) ||
        !look_at_origin(replica, options, fetcher, pool, error))
        return false;
    replica->local_name =
        options->local_name != NULL ? options->local_name : replica->fqrn;
    if (!text_is_repository_name(text_of(replica->local_name)))
        return error_set(error, ERROR_USAGE, "invalid repository name: %s",
                         text_for_people(text_of(replica->local_name), 100, pool));
    return check_replicable(replica, fetcher, error) &&
           check_not_configured(replica, confdir, pool, error);
}

struct line {
    const char *key;
    const char *value;
};

static bool format_lines(const char **text, const struct line *lines, size_t count,
                         apr_pool_t *pool, struct error *error)
{
    *text = "# Created by replicactl.\n";
    for (size_t i = 0; i < count; i++)
        if (lines[i].value != NULL &&
            !configuration_line(text, lines[i].key, lines[i].value, pool, error))
            return false;
    return true;
}

/* Keys and their order are the reference's. */
static bool format_server(const char **text, const struct add_replica *replica,
                          const struct owner *owner,
                          const struct add_replica_options *options, const char *upstream,
                          const char *spool, apr_pool_t *pool, struct error *error)
{
    const char *url = options->stratum1_url;
    struct line lines[] = {
        {"CVMFS_CREATOR_VERSION", setting_table[SETTING_CREATOR_VERSION].fallback},
        {"CVMFS_REPOSITORY_NAME", replica->fqrn},
        {"CVMFS_REPOSITORY_TYPE", "stratum1"},
        {"CVMFS_USER", owner->name},
        {"CVMFS_SPOOL_DIR", spool},
        {"CVMFS_STRATUM0", replica->origin_url},
        {"CVMFS_STRATUM1", url != NULL ? url
                                       : apr_pstrcat(pool, "http://localhost/cvmfs/",
                                                     replica->local_name, NULL)},
        {"CVMFS_UPSTREAM_STORAGE", upstream},
        {"CVMFS_SNAPSHOT_GROUP", options->group},
        {"CVMFS_AUTO_GC", options->collects_garbage ? "true" : NULL},
    };

    return format_lines(text, lines, sizeof(lines) / sizeof(*lines), pool, error);
}

static bool format_replica(const char **text, const struct add_replica_options *options,
                           apr_pool_t *pool, struct error *error)
{
    struct line passthrough[] = {{"CVMFS_PASSTHROUGH", "true"}};
    struct line lines[] = {
        {"CVMFS_NUM_WORKERS", setting_table[SETTING_NUM_WORKERS].fallback},
        {"CVMFS_PUBLIC_KEY", options->public_key},
        {"CVMFS_HTTP_TIMEOUT", setting_table[SETTING_HTTP_TIMEOUT].fallback},
        {"CVMFS_HTTP_RETRIES", setting_table[SETTING_HTTP_RETRIES].fallback},
    };

    return options->is_passthrough
               ? format_lines(text, passthrough, 1, pool, error)
               : format_lines(text, lines, sizeof(lines) / sizeof(*lines), pool, error);
}

static void undo_configuration(const struct configuration_files *files)
{
    if (files->made_folder)
        file_remove_tree(files->folder, NULL);
}

/* The server's file is last: with it the repository counts as configured. */
static bool write_configuration(struct configuration_files *files, const char *server,
                                const char *replica, apr_pool_t *pool,
                                struct error *error)
{
    const char *parent = apr_pstrmemdup(
        pool, files->folder, strlen(files->folder) - strlen(strrchr(files->folder, '/')));

    if (!file_make_directory(parent, 0755, pool, error))
        return false;
    if (mkdir(files->folder, 0755) == 0)
        files->made_folder = true;
    else if (errno != EEXIST)
        return error_set_errno(error, errno, "cannot create %s", files->folder);
    if (access(files->server, F_OK) == 0)
        return error_set(error, ERROR_EXISTS, "there is a configuration in %s",
                         files->folder);
    if (file_replace(files->replica, text_of(replica), 0644, pool, error) &&
        file_replace(files->server, text_of(server), 0644, pool, error))
        return true;
    undo_configuration(files);
    return false;
}

static void say(const struct add_replica_options *options, const char *line)
{
    if (options->say != NULL)
        options->say(options->baton, line);
}

static bool make_all(struct configuration_files *files, struct new_folders *folders,
                     const char *server_text, const char *replica_text,
                     const struct add_replica_options *options, apr_pool_t *pool,
                     struct error *error)
{
    if (!new_folders_make(folders, pool, error))
        return false;
    say(options, "Creating CernVM-FS Storage and Server Infrastructure... done");
    if (!write_configuration(files, server_text, replica_text, pool, error)) {
        new_folders_undo(folders);
        return false;
    }
    say(options, "Creating Configuration Files... done");
    return true;
}

/* The web server and the monitors; the web server first, since that can fail. */
static bool tell_others(const struct add_replica *replica,
                        const struct add_replica_options *options, const char *confdir,
                        const struct settings *server, apr_pool_t *pool,
                        struct error *error)
{
    bool tells_httpd = options->is_passthrough && !options->writes_no_web_configuration;
    bool removed;

    if (tells_httpd) {
        if (!web_configuration_write(server, replica->local_name, replica->origin_url,
                                     pool, error))
            return error_prefix(error, "the web server's configuration");
        say(options, "Creating Web Server Configuration... done");
    }
    if (server_info_update(confdir, server, pool, error)) {
        say(options, "Updating global JSON information... done");
        return true;
    }
    if (tells_httpd)
        web_configuration_remove(&removed, server, replica->local_name, pool, NULL);
    return error_prefix(error, "updating the global JSON information");
}

bool add_replica_write(const struct add_replica *replica, const struct owner *owner,
                       const struct add_replica_options *options, const char *confdir,
                       const struct settings *server, apr_pool_t *pool,
                       struct error *error)
{
    struct configuration_files files = files_of(confdir, replica->local_name, pool);
    struct new_folders folders = {.owner = owner};
    const char *upstream = options->upstream, *storage, *temporary;
    const char *server_text, *replica_text;

    if (upstream == NULL)
        upstream = repository_format_upstream(
            apr_pstrcat(pool, settings_text(server, SETTING_STORAGE_DIR), "/",
                        replica->local_name, NULL),
            pool);
    folders.spool = apr_pstrcat(pool, settings_text(server, SETTING_SERVER_SPOOL_DIR),
                                "/", replica->local_name, NULL);
    if (!repository_parse_upstream(&temporary, &storage, upstream, pool, error) ||
        !format_server(&server_text, replica, owner, options, upstream, folders.spool,
                       pool, error) ||
        !format_replica(&replica_text, options, pool, error))
        return false;
    if (!options->is_passthrough) {
        folders.storage = storage;
        folders.link_target = temporary;
    }
    if (!make_all(&files, &folders, server_text, replica_text, options, pool, error))
        return false;
    if (tell_others(replica, options, confdir, server, pool, error))
        return true;
    undo_configuration(&files);
    new_folders_undo(&folders);
    return false;
}
