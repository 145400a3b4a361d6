/* SPDX-License-Identifier: Apache-2.0 */
/* What an administrator says about a Squid: each option is checked here, because Squid's
 * own complaints come late and name a line that nobody wrote. */
#include "libreplica/operate/proxy_options.h"

#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#include "libreplica/format/authority.h"
#include "libreplica/operate/proxy_networks.h"

#define WORKERS_MAX    64
#define MEGABYTES_MAX  (64LL * 1024 * 1024)
#define DISK_MINIMUM   2048 /* twice the largest object that is kept */
#define HOST_SIZE_MAX  253
#define SHOWN_SIZE_MAX 100

static const char *const rule_options[PROXY_HELPER_COUNT] = {"policy", "store-id",
                                                             "rewrite"};

void proxy_options_init(struct proxy_options *options, enum proxy_kind kind,
                        const char *helpers, apr_pool_t *pool)
{
    *options = (struct proxy_options){.kind = kind, .helpers = helpers, .pool = pool};
    options->ports = apr_array_make(pool, 2, sizeof(const char *));
    options->networks = apr_array_make(pool, 8, sizeof(const char *));
    options->peers = apr_array_make(pool, 1, sizeof(struct proxy_peer));
    options->root = options->words = "";
    options->machine_megabytes =
        (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) >> 20;
    for (int i = 0; i < PROXY_HELPER_COUNT; i++)
        options->rules[i].path =
            apr_psprintf(pool, "/etc/squid/replica-%s.conf", rule_options[i]);
}

/* Squid's parser takes blanks, quotes and some others for its own. */
static bool is_path(const char *value)
{
    return *value == '/' && text_has_only(text_of(value), "/._+@-") &&
           strstr(value, "/../") == NULL;
}

/* As names go: not an option of Squid's, and no suffix. */
static bool is_host(struct text host)
{
    return host.length <= HOST_SIZE_MAX && authority_is_host(host, ".-_") &&
           strchr(".-", *host.bytes) == NULL;
}

/* "HOST:PORT", "[ADDRESS]:PORT". */
static bool split_peer(struct proxy_peer *peer, const char *value, apr_pool_t *pool)
{
    struct text host;

    if (!authority_split(&host, &peer->port, text_of(value)) || peer->port == 0 ||
        !is_host(host))
        return false;
    peer->host = apr_pstrmemdup(pool, host.bytes, host.length);
    return true;
}

static bool set_port(struct proxy_options *options, const char *value,
                     struct error *error)
{
    struct proxy_peer place;

    if (!split_peer(&place, apr_pstrcat(options->pool, "any:", value, NULL),
                    options->pool) &&
        !split_peer(&place, value, options->pool))
        return error_set(error, ERROR_USAGE,
                         "--port %s: give a number from 1 to 65535, or ADDRESS:PORT to "
                         "listen on one address only",
                         value);
    for (int i = 0; i < options->ports->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(options->ports, i, const char *), value) == 0)
            return error_set(error, ERROR_USAGE, "--port %s is there twice", value);
    APR_ARRAY_PUSH(options->ports, const char *) = value;
    return true;
}

static bool set_peer(struct proxy_options *options, const char *value,
                     struct error *error)
{
    struct proxy_peer peer;

    if (!split_peer(&peer, value, options->pool))
        return error_set(error, ERROR_USAGE,
                         "--peer %s: give HOST:PORT, for example 127.0.0.1:8080", value);
    if (options->kind == PROXY_ACCELERATOR && options->peers->nelts > 0)
        return error_set(error, ERROR_USAGE,
                         "--peer %s: an accelerator has one peer. Servers that update at "
                         "different times must not stand behind one name: name each in "
                         "the clients' CVMFS_SERVER_URL",
                         value);
    APR_ARRAY_PUSH(options->peers, struct proxy_peer) = peer;
    return true;
}

static bool set_number(int64_t *number, const char *name, const char *value,
                       int64_t minimum, int64_t maximum, struct error *error)
{
    if (!text_parse_number(number, text_of(value)) || *number < minimum ||
        *number > maximum)
        return error_set(error, ERROR_USAGE,
                         "--%s %s: give a whole number from %" APR_INT64_T_FMT
                         " to %" APR_INT64_T_FMT,
                         name, value, minimum, maximum);
    return true;
}

static bool set_disk(struct proxy_options *options, const char *value,
                     struct error *error)
{
    const char *colon = strrchr(value, ':');

    options->disk =
        apr_pstrmemdup(options->pool, value, colon != NULL ? (size_t)(colon - value) : 0);
    if (!is_path(options->disk) ||
        !text_parse_number(&options->disk_megabytes, text_of(colon + 1)) ||
        options->disk_megabytes < DISK_MINIMUM || options->disk_megabytes > MEGABYTES_MAX)
        return error_set(error, ERROR_USAGE,
                         "--disk %s: give FOLDER:MEGABYTES, at least %d, for example "
                         "/var/spool/squid:50000; the folder by its whole path, of "
                         "letters, digits and /._+@-",
                         value, DISK_MINIMUM);
    return true;
}

static bool set_path(const char **path, const char *name, const char *value,
                     struct error *error)
{
    if (!is_path(value))
        return error_set(error, ERROR_USAGE,
                         "--%s %s: give a whole path of letters, digits and /._+@-", name,
                         value);
    *path = value;
    return true;
}

static bool set_name(struct proxy_options *options, const char *value,
                     struct error *error)
{
    if (!is_host(text_of(value)))
        return error_set(error, ERROR_USAGE,
                         "--name %s: give a host name, for example s1.example.org",
                         value);
    options->name = value;
    return true;
}

static bool set_network(struct proxy_options *options, const char *value,
                        struct error *error)
{
    if (options->kind == PROXY_ACCELERATOR)
        return error_set(error, ERROR_USAGE,
                         "--network %s: an accelerator is for everybody. To keep clients "
                         "out, write a line `deny client ...` into %s",
                         value, options->rules[PROXY_POLICY].path);
    return proxy_networks_add(options->networks, value, options->pool, error);
}

static bool set_rules(struct proxy_options *options, enum proxy_helper helper,
                      const char *value, struct error *error)
{
    struct proxy_rule_file *file = &options->rules[helper];

    file->is_off = strcmp(value, "none") == 0;
    file->is_named = !file->is_off;
    return file->is_off || set_path(&file->path, rule_options[helper], value, error);
}

static bool set(struct proxy_options *options, const char *name, const char *value,
                struct error *error)
{
    for (int i = 0; i < PROXY_HELPER_COUNT; i++)
        if (strcmp(name, rule_options[i]) == 0)
            return set_rules(options, (enum proxy_helper)i, value, error);
    if (strcmp(name, "network") == 0)
        return set_network(options, value, error);
    if (strcmp(name, "port") == 0)
        return set_port(options, value, error);
    if (strcmp(name, "peer") == 0)
        return set_peer(options, value, error);
    if (strcmp(name, "name") == 0)
        return set_name(options, value, error);
    if (strcmp(name, "memory") == 0)
        return set_number(&options->memory_megabytes, name, value, 1, MEGABYTES_MAX,
                          error);
    if (strcmp(name, "workers") == 0)
        return set_number(&options->workers, name, value, 1, WORKERS_MAX, error);
    if (strcmp(name, "disk") == 0)
        return set_disk(options, value, error);
    return set_path(strcmp(name, "root") == 0 ? &options->root : &options->helpers, name,
                    value, error);
}

bool proxy_options_set(struct proxy_options *options, const char *name, const char *value,
                       struct error *error)
{
    const char *shown = text_for_people(text_of(value), SHOWN_SIZE_MAX, options->pool);

    /* What could not be shown is none of the values either. */
    if (!set(options, name, strcmp(shown, value) == 0 ? value : shown, error))
        return false;
    if (strcmp(name, "root") != 0)
        options->words =
            apr_pstrcat(options->pool, options->words, " --", name, " ", value, NULL);
    return true;
}

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
           strcmp(host, "[::1]") == 0;
}

bool proxy_options_keep_objects(const struct proxy_options *options)
{
    return options->kind == PROXY_SITE ||
           !is_loopback(APR_ARRAY_IDX(options->peers, 0, struct proxy_peer).host);
}

/* Only the API's answers: what the first deployment has, unless the machine is small.
 * Objects: a quarter, because Squid itself and what it keeps of the network are larger
 * than this. */
static int64_t choose_memory(const struct proxy_options *options)
{
    int64_t machine = options->machine_megabytes;

    if (!proxy_options_keep_objects(options))
        return machine / 8 < 256 && machine / 8 > 0 ? machine / 8 : 256;
    return machine / 4 > 128 ? machine / 4 : 128;
}

static void complete_lists(struct proxy_options *options)
{
    static const char *const private_networks[] = {"10.0.0.0/8", "172.16.0.0/12",
                                                   "192.168.0.0/16", "fc00::/7"};

    if (options->ports->nelts == 0 && options->kind == PROXY_SITE) {
        APR_ARRAY_PUSH(options->ports, const char *) = "3128";
    } else if (options->ports->nelts == 0) {
        APR_ARRAY_PUSH(options->ports, const char *) = "80";
        APR_ARRAY_PUSH(options->ports, const char *) = "8000";
    }
    if (options->peers->nelts == 0 && options->kind == PROXY_ACCELERATOR)
        APR_ARRAY_PUSH(options->peers, struct proxy_peer) =
            (struct proxy_peer){"127.0.0.1", 8080};
    if (options->networks->nelts == 0 && options->kind == PROXY_SITE)
        for (size_t i = 0; i < sizeof(private_networks) / sizeof(*private_networks); i++)
            APR_ARRAY_PUSH(options->networks, const char *) = private_networks[i];
}

bool proxy_options_complete(struct proxy_options *options, struct error *error)
{
    complete_lists(options);
    if (options->disk != NULL && !proxy_options_keep_objects(options))
        return error_set(error, ERROR_USAGE,
                         "--disk %s: in front of an httpd on this machine only answers "
                         "of the geo API are kept, and those fit in memory. Leave it "
                         "out, or name an httpd elsewhere with --peer",
                         options->disk);
    if (options->memory_megabytes == 0)
        options->memory_megabytes = choose_memory(options);
    if (options->workers == 0)
        options->workers = 1;
    return true;
}
