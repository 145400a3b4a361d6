/* SPDX-License-Identifier: Apache-2.0 */
/* Downloading the files of the geo database and putting them in their places. */
#include "libreplica/operate/geo_install.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/geo/database.h"
#include "libreplica/operate/geo_archive.h"
#include "libreplica/operate/geo_download.h"
#include "libreplica/operate/geo_files.h"
#include "libreplica/operate/journal.h"

/* A file that is ready for its place. */
struct arrival {
    const char *path;
    const char *temporary;
    int fd;
    const struct geo_source *source;
    const struct fetch_answer *answer;
};

static const char *path_of(const struct geo_source *source, int index)
{
    return APR_ARRAY_IDX(source->paths, index, const char *);
}

static bool is_good(const char *path, apr_pool_t *parent, struct error *error)
{
    struct geo_database *database;
    apr_array_header_t *paths;
    apr_pool_t *pool;
    bool ok;

    apr_pool_create(&pool, parent);
    paths = apr_array_make(pool, 1, sizeof(const char *));
    APR_ARRAY_PUSH(paths, const char *) = path;
    ok = geo_database_open(&database, paths, pool, error);
    apr_pool_destroy(pool);
    return ok;
}

/* The validators of what we have, if all of it is as it came from that source. */
static const struct fetch_answer *find_known(const struct geo_source *source,
                                             apr_pool_t *pool)
{
    struct fetch_answer *known = apr_palloc(pool, sizeof(*known)), other;

    for (int i = 0; i < source->paths->nelts; i++) {
        const char *path = path_of(source, i);

        if (!geo_files_read_source(&other, path, source->url, pool) ||
            (i > 0 && memcmp(&other, known, sizeof(other)) != 0) ||
            !is_good(path, pool, NULL))
            return NULL;
        *known = other;
    }
    return known;
}

/* The same of a file that nobody but us sees: messages call it by its final name. */
static bool is_good_arrival(const struct arrival *arrival, apr_pool_t *pool,
                            struct error *error)
{
    const char *name = strrchr(arrival->path, '/') + 1, *message;
    size_t length = strlen(arrival->temporary);

    if (is_good(arrival->temporary, pool, error))
        return true;
    message = apr_pstrdup(pool, error->message);
    if (strncmp(message, arrival->temporary, length) == 0)
        error_set(error, error->code, "%s%s", name, message + length);
    return false;
}

static bool unpack(apr_array_header_t *arrivals, const struct geo_source *source,
                   const struct fetch_answer *answer, int download, apr_pool_t *pool,
                   struct error *error)
{
    for (int i = 0; i < source->paths->nelts; i++) {
        struct arrival arrival = {
            .path = path_of(source, i), .source = source, .answer = answer};

        if (!geo_files_create(&arrival.fd, &arrival.temporary, arrival.path, "new", pool,
                              error) ||
            !geo_archive_unpack(download, arrival.fd, strrchr(arrival.path, '/') + 1,
                                pool, error) ||
            !is_good_arrival(&arrival, pool, error))
            return false;
        APR_ARRAY_PUSH(arrivals, struct arrival) = arrival;
    }
    return true;
}

/* Fetched just now and found to be the newest: that is what the rules of age are about.
 */
static void touch(const struct geo_source *source)
{
    for (int i = 0; i < source->paths->nelts; i++)
        if (utimensat(AT_FDCWD, path_of(source, i), NULL, 0) != 0)
            journal_write("GeoIP", "cannot touch %s", path_of(source, i));
}

static bool fetch(apr_array_header_t *arrivals, struct fetcher *fetcher,
                  const struct geo_source *source, apr_pool_t *pool, struct error *error)
{
    struct fetch_answer *answer = apr_pcalloc(pool, sizeof(*answer));
    const char *name;
    bool ok;
    int fd;

    journal_write("GeoIP", "started update from %s", source->name);
    if (!geo_files_create(&fd, &name, path_of(source, 0), "download", pool, error))
        return false;
    ok = geo_download(answer, fetcher, source, find_known(source, pool), fd, pool, error);
    if (ok && answer->is_not_modified) {
        touch(source);
        journal_write("GeoIP", "nothing newer at %s", source->name);
    } else if (ok) {
        ok = unpack(arrivals, source, answer, fd, pool, error);
    }
    unlink(name);
    if (ok)
        return true;
    if (error->code != ERROR_CANCELLED && !strstr(error->message, source->name))
        error_prefix(error, "%s", source->name);
    journal_write("GeoIP", "failed to download from %s", error->message);
    return error_prefix(error, "failed to download the geo database");
}

static bool place(const struct arrival *arrival, apr_pool_t *pool, struct error *error)
{
    if (!geo_files_install(arrival->path, arrival->temporary, arrival->fd, pool, error)) {
        journal_write("GeoIP", "failed to install %s: %s", arrival->path, error->message);
        return error_prefix(error, "failed to install the geo database");
    }
    geo_files_note_source(arrival->answer, arrival->path, arrival->source->url, pool);
    journal_write("GeoIP", "successfully updated from %s", arrival->source->name);
    return true;
}

bool geo_install(bool *any_new, const struct geo_sources *sources,
                 const struct settings *server, const volatile int *stop,
                 apr_pool_t *pool, struct error *error)
{
    apr_array_header_t *arrivals = apr_array_make(pool, 2, sizeof(struct arrival));
    struct fetcher *fetcher;
    bool ok = geo_download_prepare(&fetcher, server, stop, pool, error);

    for (int i = 0; i < sources->sources->nelts && ok; i++)
        ok = fetch(arrivals, fetcher,
                   &APR_ARRAY_IDX(sources->sources, i, struct geo_source), pool, error);
    for (int i = 0; i < arrivals->nelts && ok; i++)
        ok = place(&APR_ARRAY_IDX(arrivals, i, struct arrival), pool, error);
    for (int i = 0; i < sources->paths->nelts; i++)
        geo_files_clean_up(APR_ARRAY_IDX(sources->paths, i, const char *), pool);
    *any_new = arrivals->nelts > 0;
    return ok;
}
