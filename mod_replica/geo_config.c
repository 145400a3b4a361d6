/* SPDX-License-Identifier: Apache-2.0 */
/* The geo API's settings and what is made of them. */
#include "mod_replica/geo_config.h"

#include <ctype.h>
#include <string.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <ap_mpm.h>
#include <http_config.h>
#include <http_log.h>

#include "libreplica/geo/database_paths.h"
#include "mod_replica/networks.h"

APLOG_USE_MODULE(replica);

static apr_array_header_t *split_words(const char *text, apr_pool_t *pool)
{
    apr_array_header_t *words = apr_array_make(pool, 2, sizeof(const char *));
    char *rest = apr_pstrdup(pool, text), *state, *word;

    for (word = apr_strtok(rest, " \t", &state); word != NULL;
         word = apr_strtok(NULL, " \t", &state))
        APR_ARRAY_PUSH(words, const char *) = word;
    return words;
}

static const char *read_trust(struct geo_config *geo, const struct settings *settings,
                              apr_pool_t *pool)
{
    const char *trust = settings_text(settings, SETTING_GEO_TRUST_FORWARDED);
    bool has_own = settings_is_set(settings, SETTING_GEO_TRUSTED_PROXIES);
    enum setting_id id = has_own ? SETTING_GEO_TRUSTED_PROXIES : SETTING_TRUSTED_PROXIES;

    geo->trusts_anyone = strcmp(trust, "any") == 0;
    if (!geo->trusts_anyone && strcmp(trust, "trusted") != 0)
        return apr_psprintf(pool, "%s: '%s' is neither trusted nor any",
                            setting_table[SETTING_GEO_TRUST_FORWARDED].key, trust);
    return networks_parse(&geo->trusted, setting_table[id].key,
                          settings_text(settings, id), pool);
}

static bool is_header_name(const char *word)
{
    for (; *word != '\0'; word++)
        if (!isalnum((unsigned char)*word) && *word != '-' && *word != '_')
            return false;
    return true;
}

static const char *read_cdn_headers(struct geo_config *geo,
                                    const struct settings *settings, apr_pool_t *pool)
{
    geo->cdn_headers =
        split_words(settings_text(settings, SETTING_GEO_CDN_HEADERS), pool);
    for (int i = 0; i < geo->cdn_headers->nelts; i++) {
        const char *word = APR_ARRAY_IDX(geo->cdn_headers, i, const char *);

        if (!is_header_name(word))
            return apr_psprintf(pool,
                                "%s: '%s' is not the name of a request header; write "
                                "names separated by blanks",
                                setting_table[SETTING_GEO_CDN_HEADERS].key, word);
    }
    return NULL;
}

static void report_file(void *baton, bool is_good, const char *message)
{
    server_rec *server = baton;

    ap_log_error(APLOG_MARK, is_good ? APLOG_INFO : APLOG_ERR, 0, server, "geo: %s",
                 message);
}

static const char *read_locator_options(struct geo_config *geo,
                                        const struct settings *settings, apr_pool_t *pool)
{
    struct error error;

    geo->locator_options = (struct locator_options){
        .databases = geo_database_paths(settings, pool),
        .hosts_file = settings_text(settings, SETTING_GEO_HOSTS_FILE),
        .nameservers = settings_text(settings, SETTING_GEO_NAMESERVERS),
        .search_domains = geo->resolves_single_labels,
        .report = report_file};
    return locator_check(&geo->locator_options, pool, &error)
               ? NULL
               : apr_psprintf(pool, "%s: %s", setting_table[SETTING_GEO_NAMESERVERS].key,
                              error.message);
}

const char *geo_config_read(struct geo_config **result, const struct settings *settings,
                            apr_pool_t *pool)
{
    struct geo_config *geo = apr_pcalloc(pool, sizeof(*geo));
    const char *message = read_trust(geo, settings, pool);

    geo->resolves_single_labels =
        settings_boolean(settings, SETTING_GEO_RESOLVE_SINGLE_LABEL);
    geo->budget = apr_time_from_sec(settings_number(settings, SETTING_GEO_TIMEOUT));
    if (message == NULL)
        message = read_cdn_headers(geo, settings, pool);
    if (message == NULL)
        message = read_locator_options(geo, settings, pool);
    *result = geo;
    return message;
}

/* Keep the files open, for children that start when others, which are bad, are in their
 * place. What they are is for the children to find out, without the parent's rights. */
static apr_array_header_t *keep_databases(const apr_array_header_t *paths,
                                          apr_pool_t *pool)
{
    apr_array_header_t *kept = apr_array_make(pool, paths->nelts, sizeof(const char *));

    for (int i = 0; i < paths->nelts; i++) {
        apr_file_t *file;
        apr_os_file_t descriptor;

        if (apr_file_open(&file, APR_ARRAY_IDX(paths, i, const char *),
                          APR_FOPEN_READ | APR_FOPEN_NONBLOCK, APR_FPROT_OS_DEFAULT,
                          pool) != APR_SUCCESS)
            return NULL;
        apr_os_file_get(&descriptor, file);
        APR_ARRAY_PUSH(kept, const char *) =
            apr_psprintf(pool, "/proc/self/fd/%d", descriptor);
    }
    return kept;
}

void geo_config_open(struct geo_config *geo, const struct settings *settings,
                     server_rec *server, apr_pool_t *pool)
{
    int capacity = (int)settings_number(settings, SETTING_GEO_CACHE_SIZE);
    bool has_database = geo->locator_options.databases->nelts > 0;
    int64_t lifetime = settings_number(settings, SETTING_GEO_CACHE_TTL);
    struct error error;

    if (has_database)
        geo->locator_options.kept_databases =
            keep_databases(geo->locator_options.databases, pool);
    if (has_database && !name_cache_create(&geo->cache, capacity,
                                           apr_time_from_sec(lifetime), pool, &error))
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "the geo API is out of service: no memory for %d names (%s): %s",
                     capacity, setting_table[SETTING_GEO_CACHE_SIZE].key, error.message);
}

void geo_config_start_child(struct geo_config *geo, server_rec *server, apr_pool_t *pool)
{
    struct error error;
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    geo->locator_options.waiting_max = threads / 2;
    geo->locator_options.baton = server;
    if (geo->cache != NULL &&
        !locator_create(&geo->locator, &geo->locator_options, geo->cache, pool, &error))
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, server,
                     "the geo API is out of service in this process: %s", error.message);
}
