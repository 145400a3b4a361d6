/* SPDX-License-Identifier: Apache-2.0 */
/* Where clients are, as a geo API with the same database sees it. */
#include "squid-helpers/geo_origins.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <apr_strings.h>

#include "libreplica/geo/current_database.h"

#define LOOK_INTERVAL APR_USEC_PER_SEC
/* "-12.345678901234567,-123.45678901234567" and some. */
#define PLACE_SIZE 64

struct geo_origins {
    apr_pool_t *pool;       /* of all */
    apr_pool_t *paths_pool; /* of what is below; NULL: no database */
    const apr_array_header_t *paths;
    struct current_database *current;
    apr_time_t looked; /* 0: never */
    uint64_t seen;     /* the files as they are, */
    apr_time_t since;  /* and since when */
    bool is_settled;   /* what is in service is what a server has by now */
};

struct geo_origins *geo_origins_create(apr_pool_t *pool)
{
    struct geo_origins *origins = apr_pcalloc(pool, sizeof(*origins));

    origins->pool = pool;
    return origins;
}

static bool are_same(const apr_array_header_t *one, const apr_array_header_t *other)
{
    if (one == NULL || one->nelts != other->nelts)
        return false;
    for (int i = 0; i < one->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(one, i, const char *),
                   APR_ARRAY_IDX(other, i, const char *)) != 0)
            return false;
    return true;
}

static bool is_old(const struct stat *status, apr_time_t now)
{
    return now - apr_time_from_sec(status->st_ctim.tv_sec) >= GEO_ORIGINS_SETTLE_TIME;
}

/* Whether the files, and links to them, have been there for long by their own dates. What
 * is not there need not be waited for. */
static bool are_old(const apr_array_header_t *paths)
{
    apr_time_t now = apr_time_now();
    struct stat status;

    for (int i = 0; i < paths->nelts; i++) {
        const char *path = APR_ARRAY_IDX(paths, i, const char *);

        if ((lstat(path, &status) == 0 && !is_old(&status, now)) ||
            (stat(path, &status) == 0 && !is_old(&status, now)))
            return false;
    }
    return true;
}

static void use_paths(struct geo_origins *origins, const apr_array_header_t *paths,
                      apr_time_t now)
{
    apr_array_header_t *copies;

    if (origins->paths_pool != NULL)
        apr_pool_destroy(origins->paths_pool);
    apr_pool_create(&origins->paths_pool, origins->pool);
    copies = apr_array_make(origins->paths_pool, 1, sizeof(const char *));
    for (int i = 0; i < paths->nelts; i++)
        APR_ARRAY_PUSH(copies, const char *) =
            apr_pstrdup(origins->paths_pool, APR_ARRAY_IDX(paths, i, const char *));
    origins->paths = copies;
    origins->current = current_database_create(copies, origins->paths_pool);
    origins->seen = geo_database_look(copies);
    origins->since = are_old(copies) ? now - GEO_ORIGINS_SETTLE_TIME : now;
    origins->is_settled = false;
    origins->looked = 0;
}

static void forget_paths(struct geo_origins *origins)
{
    if (origins->paths_pool != NULL)
        apr_pool_destroy(origins->paths_pool);
    *origins = (struct geo_origins){.pool = origins->pool};
}

bool geo_origins_refresh(struct geo_origins *origins, const apr_array_header_t *paths,
                         apr_time_t now, struct error *error)
{
    struct geo_database *database;
    bool is_good, is_news;
    uint64_t look;

    if (paths == NULL || paths->nelts == 0) {
        forget_paths(origins);
        return true;
    }
    if (!are_same(origins->paths, paths))
        use_paths(origins, paths, now);
    if (origins->looked != 0 && now - origins->looked < LOOK_INTERVAL)
        return true;
    origins->looked = now;
    look = geo_database_look(origins->paths);
    if (look != origins->seen) {
        origins->seen = look;
        origins->since = now;
    }
    origins->is_settled = now - origins->since >= GEO_ORIGINS_SETTLE_TIME;
    if (!origins->is_settled)
        return true;
    is_good = current_database_refresh(origins->current, &is_news, error);
    /* A bad file leaves the one before in service, here as there. */
    database = current_database_hold(origins->current);
    if (is_good)
        origins->is_settled = geo_database_version(database) == look;
    current_database_release(origins->current, database);
    return is_good || !is_news;
}

/* NULL: none that can be used right now. */
static struct geo_database *hold(struct geo_origins *origins)
{
    if (origins->paths == NULL || !origins->is_settled ||
        geo_database_look(origins->paths) != origins->seen)
        return NULL;
    return current_database_hold(origins->current);
}

/* As short as can be, and exact: another number is another place. */
static int write_number(char *text, size_t size, double number)
{
    int length = 0;

    for (int digits = 6; digits <= 17; digits++) {
        length = snprintf(text, size, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    return length;
}

/* False: nobody knows. */
static bool write_place(char place[PLACE_SIZE], const struct geo_database *database,
                        const struct geo_address *address)
{
    struct geo_point point;
    int length;

    if (database == NULL || !geo_database_find(&point, database, address))
        return false;
    length = write_number(place, PLACE_SIZE, point.latitude);
    place[length++] = ',';
    write_number(place + length, PLACE_SIZE - (size_t)length, point.longitude);
    return true;
}

/* Whether the name that is the caching string is known, and where it is, only the server
 * can tell: if not, it goes by the client. */
static int write_client(char *bytes, size_t size, const struct geo_database *database,
                        const struct geo_asker *asker)
{
    struct geo_address address;
    char place[PLACE_SIZE];

    _Static_assert(PLACE_SIZE >= GEO_ADDRESS_TEXT_SIZE, "an address does not fit");
    if (!geo_address_parse(&address, asker->client))
        return 0;
    if (!write_place(place, database, &address)) {
        if (asker->is_forwarded)
            return 0;
        geo_address_format(place, &address);
    }
    return snprintf(bytes, size, "%.*s%s%s", (int)asker->caching_string.length,
                    asker->caching_string.bytes,
                    asker->caching_string.length > 0 ? "~" : "", place);
}

struct text geo_origins_write(uint64_t *version, char *bytes, size_t size,
                              struct geo_origins *origins, const struct geo_asker *asker)
{
    struct geo_database *database = hold(origins);
    struct geo_address literal;
    char place[PLACE_SIZE];
    int length;

    *version = database != NULL ? geo_database_version(database) : 0;
    if (geo_address_parse(&literal, asker->caching_string) &&
        write_place(place, database, &literal))
        length = snprintf(bytes, size, "%s", place);
    else
        length = write_client(bytes, size, database, asker);
    if (database != NULL)
        current_database_release(origins->current, database);
    if (length < 0 || (size_t)length >= size)
        length = 0;
    return (struct text){bytes, (size_t)length};
}
