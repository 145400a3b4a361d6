/* SPDX-License-Identifier: Apache-2.0 */
/* Names and addresses from a file, read again when it has changed. */
#include "libreplica/geo/hosts_file.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "libreplica/store/file.h"

#define HOSTS_FILE_MAX (16 * 1024 * 1024)

struct host {
    struct geo_address ipv4, ipv6;
};

struct hosts_file {
    const char *path;
    pthread_mutex_t lock; /* of table and table_pool */
    apr_hash_t *table;    /* name -> struct host */
    apr_pool_t *table_pool;
    struct stat seen; /* of what was read, or refused */
    bool is_refused;
};

static apr_status_t destroy(void *data)
{
    struct hosts_file *hosts = data;

    if (hosts->table_pool != NULL)
        apr_pool_destroy(hosts->table_pool);
    pthread_mutex_destroy(&hosts->lock);
    return APR_SUCCESS;
}

struct hosts_file *hosts_file_create(const char *path, apr_pool_t *pool)
{
    struct hosts_file *hosts = apr_pcalloc(pool, sizeof(*hosts));

    hosts->path = apr_pstrdup(pool, path);
    pthread_mutex_init(&hosts->lock, NULL);
    apr_pool_cleanup_register(pool, hosts, destroy, apr_pool_cleanup_null);
    return hosts;
}

/* The next word off LINE, which ends at a comment. */
static bool take_word(struct text *line, struct text *word)
{
    size_t start = 0, end;

    while (start < line->length && isspace((unsigned char)line->bytes[start]))
        start++;
    end = start;
    while (end < line->length && !isspace((unsigned char)line->bytes[end]) &&
           line->bytes[end] != '#')
        end++;
    *word = (struct text){line->bytes + start, end - start};
    *line = (struct text){line->bytes + end, line->length - end};
    return word->length > 0;
}

static void add_name(apr_hash_t *table, struct text name,
                     const struct geo_address *address, apr_pool_t *pool)
{
    char *key = apr_pstrmemdup(pool, name.bytes, name.length);
    struct host *host;
    struct geo_address *place;

    for (char *letter = key; *letter != '\0'; letter++)
        *letter = (char)tolower((unsigned char)*letter);
    host = apr_hash_get(table, key, (apr_ssize_t)name.length);
    if (host == NULL) {
        host = apr_pcalloc(pool, sizeof(*host));
        apr_hash_set(table, key, (apr_ssize_t)name.length, host);
    }
    place = address->family == AF_INET ? &host->ipv4 : &host->ipv6;
    if (place->family == 0)
        *place = *address;
}

static apr_hash_t *parse(struct text content, apr_pool_t *pool)
{
    apr_hash_t *table = apr_hash_make(pool);

    while (content.length > 0) {
        const char *end = memchr(content.bytes, '\n', content.length);
        size_t length = end != NULL ? (size_t)(end - content.bytes) : content.length;
        struct text line = {content.bytes, length}, word;
        struct geo_address address;

        if (take_word(&line, &word) && geo_address_parse(&address, word))
            while (take_word(&line, &word))
                add_name(table, word, &address, pool);
        content.bytes += length + (end != NULL);
        content.length -= length + (end != NULL);
    }
    return table;
}

static void put_in_service(struct hosts_file *hosts, apr_hash_t *table, apr_pool_t *pool)
{
    apr_pool_t *old;

    pthread_mutex_lock(&hosts->lock);
    old = hosts->table_pool;
    hosts->table = table;
    hosts->table_pool = pool;
    pthread_mutex_unlock(&hosts->lock);
    if (old != NULL)
        apr_pool_destroy(old);
}

static bool is_same(const struct stat *one, const struct stat *other)
{
    return one->st_dev == other->st_dev && one->st_ino == other->st_ino &&
           one->st_size == other->st_size &&
           one->st_mtim.tv_sec == other->st_mtim.tv_sec &&
           one->st_mtim.tv_nsec == other->st_mtim.tv_nsec;
}

static bool read_anew(struct hosts_file *hosts, struct error *error)
{
    struct text content;
    apr_pool_t *pool;

    /* No child of the caller's pool, which other threads may be using. */
    apr_pool_create(&pool, NULL);
    if (!file_read(&content, hosts->path, HOSTS_FILE_MAX, pool, error)) {
        apr_pool_destroy(pool);
        return false;
    }
    put_in_service(hosts, parse(content, pool), pool);
    return true;
}

bool hosts_file_refresh(struct hosts_file *hosts, bool *is_news, struct error *error)
{
    struct stat status = {0};
    bool ok = stat(hosts->path, &status) == 0 ||
              error_set_errno(error, errno, "cannot read the hosts file %s", hosts->path);

    *is_news = !is_same(&status, &hosts->seen) || (!ok && !hosts->is_refused);
    if (!*is_news)
        return !hosts->is_refused;
    hosts->seen = status;
    ok = ok && read_anew(hosts, error);
    hosts->is_refused = !ok;
    return ok;
}

bool hosts_file_find(struct geo_address *ipv4, struct geo_address *ipv6,
                     struct hosts_file *hosts, struct text name)
{
    const struct host *host = NULL;

    pthread_mutex_lock(&hosts->lock);
    if (hosts->table != NULL)
        host = apr_hash_get(hosts->table, name.bytes, (apr_ssize_t)name.length);
    if (host != NULL) {
        *ipv4 = host->ipv4;
        *ipv6 = host->ipv6;
    }
    pthread_mutex_unlock(&hosts->lock);
    return host != NULL;
}
