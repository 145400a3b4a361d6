/* SPDX-License-Identifier: Apache-2.0 */
/* Writing server.conf and client.conf for a repository that is published here. */
#include "libreplica/operate/stratum0_configuration.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/base/date_phrase.h"
#include "libreplica/base/settings.h"
#include "libreplica/store/file.h"
#include "libreplica/store/repository.h"

static bool check_value(const char *what, const char *value, struct error *error)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._-/:@+%";

    if (*value != '\0' && strspn(value, plain) == strlen(value))
        return true;
    return error_set(error, ERROR_USAGE,
                     "%s '%s' is empty or holds characters that configuration files "
                     "cannot hold unquoted",
                     what, value);
}

/* Goes between double quotes. */
static bool check_words(const char *what, const char *value, struct error *error)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789._-/:+ ";
    apr_time_t unused;

    if (strspn(value, plain) != strlen(value))
        return error_set(error, ERROR_USAGE, "%s '%s' is no phrase for a time", what,
                         value);
    return date_phrase_parse(&unused, text_of(value), apr_time_from_sec(2000000000),
                             error) ||
           error_prefix(error, "%s", what);
}

static bool check_values(const struct stratum0_configuration *configuration,
                         struct error *error)
{
    return check_value("repository name", configuration->fqrn, error) &&
           check_value("owner", configuration->user, error) &&
           check_value("URL", configuration->url, error) &&
           check_value("storage directory", configuration->storage, error) &&
           check_value("spool directory", configuration->spool, error) &&
           check_value("key directory", configuration->keys, error) &&
           (configuration->automatic_tags_since == NULL ||
            check_words("time span of automatic tags (-G)",
                        configuration->automatic_tags_since, error));
}

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

static const char *identity_lines(const struct stratum0_configuration *configuration,
                                  apr_pool_t *pool)
{
    return apr_psprintf(pool,
                        "# Created by replicactl.\n"
                        "CVMFS_CREATOR_VERSION=%s\n"
                        "CVMFS_REPOSITORY_NAME=%s\n"
                        "CVMFS_REPOSITORY_TYPE=stratum0\n"
                        "CVMFS_USER=%s\n"
                        "CVMFS_UNION_DIR=/cvmfs/%s\n"
                        "CVMFS_SPOOL_DIR=%s\n"
                        "CVMFS_STRATUM0=%s\n"
                        "CVMFS_UPSTREAM_STORAGE=%s\n",
                        setting_table[SETTING_CREATOR_VERSION].fallback,
                        configuration->fqrn, configuration->user, configuration->fqrn,
                        configuration->spool, configuration->url,
                        repository_format_upstream(configuration->storage, pool));
}

/* What the usual repository and one for large files that are wanted for hours have. */
static const char *profile_lines(const struct stratum0_configuration *configuration,
                                 apr_pool_t *pool)
{
    if (configuration->is_ephemeral)
        return "CVMFS_MIN_CHUNK_SIZE=67108864\n"
               "CVMFS_AVG_CHUNK_SIZE=134217728\n"
               "CVMFS_MAX_CHUNK_SIZE=268435456\n"
               "CVMFS_REPOSITORY_TTL=60\n"
               "CVMFS_FILE_MBYTE_LIMIT=4096\n"
               "REPLICA_PROMPT_GC=true\n";
    return apr_psprintf(pool,
                        "CVMFS_MIN_CHUNK_SIZE=%s\n"
                        "CVMFS_AVG_CHUNK_SIZE=%s\n"
                        "CVMFS_MAX_CHUNK_SIZE=%s\n",
                        setting_table[SETTING_MIN_CHUNK_SIZE].fallback,
                        setting_table[SETTING_AVG_CHUNK_SIZE].fallback,
                        setting_table[SETTING_MAX_CHUNK_SIZE].fallback);
}

/* The reference knows one compressor only: where it is that, nothing is said. */
static const char *compressor_line(const struct stratum0_configuration *configuration,
                                   apr_pool_t *pool)
{
    return configuration->compressor == COMPRESSOR_ZLIB
               ? ""
               : apr_psprintf(pool, "REPLICA_COMPRESSOR=%s\n",
                              compressor_kind_name(configuration->compressor));
}

static const char *ttl_line(const struct stratum0_configuration *configuration,
                            apr_pool_t *pool)
{
    return configuration->ttl_seconds == 0
               ? ""
               : apr_psprintf(pool, "CVMFS_REPOSITORY_TTL=%" APR_INT64_T_FMT "\n",
                              (apr_int64_t)configuration->ttl_seconds);
}

/* Defaults are written out, so that they hold even if a later version has others. */
static const char *publishing_lines(const struct stratum0_configuration *configuration,
                                    apr_pool_t *pool)
{
    return apr_psprintf(
        pool,
        "CVMFS_USE_FILE_CHUNKING=true\n"
        "%s"
        "CVMFS_UNION_FS_TYPE=overlayfs\n"
        "CVMFS_HASH_ALGORITHM=%s\n"
        "CVMFS_COMPRESSION_ALGORITHM=%s\n"
        "%s"
        "%s"
        "CVMFS_EXTERNAL_DATA=false\n"
        "CVMFS_AUTO_TAG=%s\n"
        "CVMFS_AUTO_TAG_TIMESPAN=\"%s\"\n"
        "CVMFS_GARBAGE_COLLECTION=%s\n"
        "%s"
        "CVMFS_AUTO_REPAIR_MOUNTPOINT=true\n"
        "CVMFS_AUTOCATALOGS=false\n"
        "CVMFS_ASYNC_SCRATCH_CLEANUP=true\n"
        "CVMFS_PRINT_STATISTICS=false\n"
        "CVMFS_UPLOAD_STATS_DB=false\n"
        "CVMFS_UPLOAD_STATS_PLOTS=false\n"
        "CVMFS_IGNORE_XDIR_HARDLINKS=true\n",
        profile_lines(configuration, pool), hash_algorithm_name(configuration->algorithm),
        configuration->compression == COMPRESSION_NONE ? "none" : "default",
        compressor_line(configuration, pool), ttl_line(configuration, pool),
        boolean(configuration->makes_automatic_tags),
        configuration->automatic_tags_since != NULL ? configuration->automatic_tags_since
                                                    : "",
        boolean(configuration->is_garbage_collectable),
        configuration->is_garbage_collectable ? "CVMFS_AUTO_GC=true\n" : "");
}

static const char *client_lines(const struct stratum0_configuration *configuration,
                                apr_pool_t *pool)
{
    return apr_psprintf(pool,
                        "# Created by replicactl.  Don't touch.\n"
                        "CVMFS_CACHE_BASE=%s/cache\n"
                        "CVMFS_RELOAD_SOCKETS=%s/cache\n"
                        "CVMFS_QUOTA_LIMIT=4000\n"
                        "CVMFS_MOUNT_DIR=/cvmfs\n"
                        "CVMFS_SERVER_URL=%s\n"
                        "CVMFS_HTTP_PROXY=DIRECT\n"
                        "CVMFS_PUBLIC_KEY=%s/%s.pub\n"
                        "CVMFS_CHECK_PERMISSIONS=yes\n"
                        "CVMFS_IGNORE_SIGNATURE=no\n"
                        "CVMFS_AUTO_UPDATE=no\n"
                        "CVMFS_NFS_SOURCE=no\n"
                        "CVMFS_MAGIC_XATTRS_VISIBILITY=never\n"
                        "CVMFS_FOLLOW_REDIRECTS=yes\n"
                        "CVMFS_SERVER_CACHE_MODE=yes\n"
                        "CVMFS_NFILES=65536\n"
                        "CVMFS_TALK_SOCKET=%s/cvmfs_io\n"
                        "CVMFS_TALK_OWNER=%s\n"
                        "CVMFS_USE_SSL_SYSTEM_CA=true\n",
                        configuration->spool, configuration->spool, configuration->url,
                        configuration->keys, configuration->fqrn, configuration->spool,
                        configuration->user);
}

#define CLIENT_FILE "client.conf"
#define SERVER_FILE "server.conf"

/* The server's file is last: with it the repository counts as configured. */
bool stratum0_configuration_write(const struct stratum0_configuration *configuration,
                                  const char *confdir, apr_pool_t *pool,
                                  struct error *error)
{
    const char *folder, *client, *server, *text;

    if (!check_values(configuration, error))
        return false;
    folder = apr_pstrcat(pool, confdir, "/repositories.d/", configuration->fqrn, NULL);
    client = apr_pstrcat(pool, folder, "/" CLIENT_FILE, NULL);
    server = apr_pstrcat(pool, folder, "/" SERVER_FILE, NULL);
    if (access(server, F_OK) == 0)
        return error_set(error, ERROR_EXISTS, "there is a configuration in %s", folder);
    text = apr_pstrcat(pool, identity_lines(configuration, pool),
                       publishing_lines(configuration, pool), NULL);
    return file_make_directory(folder, 0755, pool, error) &&
           file_replace(client, text_of(client_lines(configuration, pool)), 0644, pool,
                        error) &&
           file_write(server, text_of(text), 0644, error);
}

void stratum0_configuration_undo(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    unlinkat(fd, SERVER_FILE, 0);
    unlinkat(fd, CLIENT_FILE, 0);
    close(fd);
    rmdir(folder);
}
