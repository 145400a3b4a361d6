/* SPDX-License-Identifier: Apache-2.0 */
/* A repository's configuration, in the reference's layout below the configuration
 * directory. Source: cvmfs-format 8.2, 8.3; design 3 (Configuration). */
#ifndef REPLICA_STORE_REPOSITORY_H
#define REPLICA_STORE_REPOSITORY_H

#include <stdbool.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include "libreplica/base/error.h"
#include "libreplica/base/settings.h"
#include "libreplica/store/store.h"

enum repository_kind { REPOSITORY_STRATUM0, REPOSITORY_STRATUM1 };

struct repository {
    const char *local_name;    /* directory below repositories.d, in URLs */
    const char *fqrn;          /* in the manifest */
    enum repository_kind kind; /* replica.conf exists: Stratum 1 */
    const char *storage;       /* third field of CVMFS_UPSTREAM_STORAGE */
    const char *temporary;     /* second field */
    const char *spool;
    const char *user; /* "" if not set */
    const struct settings *settings;
};

/* Read <confdir>/server.local and <confdir>/replica.local (both optional). A server.local
 * that may not be read by this process is an error only if REQUIRE_SECRETS. */
bool server_settings_read(struct settings **settings, const char *confdir,
                          bool require_secrets, apr_pool_t *pool, struct error *error);

/* Where a server's keys are: REPLICA_KEYS_DIR or, if it is not set, <confdir>/keys. */
const char *server_keys_directory(const struct settings *server, const char *confdir,
                                  apr_pool_t *pool);

/* Whether a process of USER may work on it: it belongs to USER, or to whoever does. */
bool repository_is_of(const struct repository *repository, const char *user);

/* Read one repository's files on top of the server's settings. False: ERROR_NOT_FOUND,
 * ERROR_SETTING with file, line and reason, ERROR_UNSUPPORTED (storage that is not
 * local). */
bool repository_read(struct repository **repository, const char *confdir,
                     const char *local_name, const struct settings *server,
                     apr_pool_t *pool, struct error *error);

/* Where the tree of a repository is whose files hold a bad value: what can be read of
 * them is believed, so that what is on disk can still be served. False: they do not say,
 * or there is none. Thread-safe. */
bool repository_read_storage(const char **storage, const char *confdir,
                             const char *local_name, const struct settings *server,
                             apr_pool_t *pool);

/* The same for commands that list or remove a repository whatever state its files are in:
 * lines that hold a bad value are passed over, storage and temporary are "" if the files
 * do not name a local one. *problem is the message of the first thing that was wrong,
 * NULL if repository_read would do. False: ERROR_NOT_FOUND. */
bool repository_read_leniently(struct repository **repository, const char **problem,
                               const char *confdir, const char *local_name,
                               const struct settings *server, apr_pool_t *pool,
                               struct error *error);

/* "<type>,<temporary directory>,<storage directory>" taken apart. False: ERROR_SETTING,
 * ERROR_UNSUPPORTED (a type that is not local). */
bool repository_parse_upstream(const char **temporary, const char **storage,
                               const char *triple, apr_pool_t *pool, struct error *error);
/* The usual triple for a storage directory. */
const char *repository_format_upstream(const char *storage, apr_pool_t *pool);

/* Local names of all configured repositories, sorted (array of const char *). */
bool repository_names(apr_array_header_t **names, const char *confdir, apr_pool_t *pool,
                      struct error *error);

/* Where a replica's content comes from (CVMFS_STRATUM0), without slashes at its end; ""
 * if that is not set. */
const char *repository_origin_url(const struct repository *repository, apr_pool_t *pool);

/* Host and port of that, in lower case, as far as the URL has them; "" if it has none. */
const char *repository_origin_server(const struct repository *repository,
                                     apr_pool_t *pool);

/* Where its objects may be fetched from, the origin first, then REPLICA_UPSTREAMS (array
 * of const char *, without slashes at their ends, each once). */
apr_array_header_t *repository_upstream_urls(const struct repository *repository,
                                             apr_pool_t *pool);

/* The notification services whose events tell of it, from REPLICA_EVENT_SOURCES (array of
 * const char *, without slashes at their ends, each once). */
apr_array_header_t *repository_event_sources(const struct repository *repository,
                                             apr_pool_t *pool);

/* Whether it is a replica with a tree of its own. False: ERROR_USAGE, which says that
 * there is nothing to VERB. */
bool repository_require_content(const struct repository *repository, const char *verb,
                                struct error *error);

/* Open its tree for a writer: without barriers if CVMFS_SYNCFS_LEVEL is none. False:
 * those of store_open. */
bool repository_open_store(struct store **store, const struct repository *repository,
                           apr_pool_t *pool, struct error *error);

/* Paths of the repository's lock files in its spool. */
const char *repository_update_lock(const struct repository *repository, apr_pool_t *pool);
const char *repository_collect_lock(const struct repository *repository,
                                    apr_pool_t *pool);
const char *repository_reflog_checksum_file(const struct repository *repository,
                                            apr_pool_t *pool);

#endif
