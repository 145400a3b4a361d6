/* SPDX-License-Identifier: Apache-2.0 */
/* The one directive. */
#include "mod_replica/config.h"

#include <apr_strings.h>
#include <http_core.h>

#include "libreplica/store/repository.h"
#include "mod_replica/geo_config.h"
#include "mod_replica/missing_log.h"
#include "mod_replica/networks.h"
#include "mod_replica/repository_cache.h"
#include "mod_replica/routes.h"

void *config_create(apr_pool_t *pool, server_rec *server)
{
    return apr_pcalloc(pool, sizeof(struct replica_config));
}

void *config_merge(apr_pool_t *pool, void *base, void *overrides)
{
    const struct replica_config *own = overrides;

    return own->confdir != NULL ? overrides : base;
}

struct replica_config *config_of_server(const server_rec *server)
{
    struct replica_config *config =
        ap_get_module_config(server->module_config, &replica_module);

    return config->confdir != NULL ? config : NULL;
}

/* The files are read here, by httpd's parent, which may read what the children must not;
 * only the values of known settings that are no secrets outlive POOL's temporary sibling.
 */
static const char *read_settings(struct replica_config *config, cmd_parms *command)
{
    const char *message;
    struct settings *read;
    struct error error;

    if (!server_settings_read(&read, config->confdir, false, command->temp_pool, &error))
        return apr_pstrdup(command->pool, error.message);
    settings_discard_secrets(read);
    config->settings = settings_copy(read, command->pool);
    message = networks_parse(
        &config->trusted_proxies, setting_table[SETTING_TRUSTED_PROXIES].key,
        settings_text(config->settings, SETTING_TRUSTED_PROXIES), command->pool);
    if (message != NULL)
        return message;
    return geo_config_read(&config->geo, config->settings, command->pool);
}

static const char *parse_doors(unsigned int *doors, cmd_parms *command, int count,
                               char *const *names)
{
    *doors = 0;
    for (int i = 0; i < count; i++) {
        enum door door;

        if (!door_parse(&door, names[i]))
            return apr_psprintf(command->pool,
                                "Replica: there is no door '%s'; known: %s", names[i],
                                door_names());
        *doors |= 1U << door;
    }
    if (count == 0)
        *doors = 1U << DOOR_SERVE;
    return NULL;
}

static const char *set_replica(cmd_parms *command, void *unused, int count,
                               char *const arguments[])
{
    struct replica_config *config =
        ap_get_module_config(command->server->module_config, &replica_module);
    const char *reason;

    if (count == 0)
        return "Replica needs the configuration directory, e.g. Replica /etc/cvmfs";
    if (config->confdir != NULL)
        return "Replica may stand only once in a server or virtual host";
    if (arguments[0][0] != '/')
        return "Replica: the configuration directory must be an absolute path";
    if (!ap_is_directory(command->temp_pool, arguments[0]))
        return apr_psprintf(command->pool, "Replica: %s is not a directory",
                            arguments[0]);
    reason = parse_doors(&config->doors, command, count - 1, arguments + 1);
    if (reason != NULL)
        return reason;
    config->confdir = apr_pstrdup(command->pool, arguments[0]);
    return read_settings(config, command);
}

const command_rec config_commands[] = {
    AP_INIT_TAKE_ARGV("Replica", set_replica, NULL, RSRC_CONF,
                      "Replica <configuration directory> [door...]"),
    {NULL}};

static bool serves(const struct replica_config *config)
{
    return (config->doors & 1U << DOOR_SERVE) != 0;
}

int config_open(apr_pool_t *pool, apr_pool_t *log_pool, apr_pool_t *temporary_pool,
                server_rec *main_server)
{
    /* The first reading at start is only a check. */
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    for (server_rec *server = main_server; server != NULL; server = server->next) {
        struct replica_config *config = config_of_server(server);

        if (config != NULL && serves(config) && config->geo->cache == NULL)
            geo_config_open(config->geo, config->settings, main_server, pool);
    }
    return OK;
}

void config_start_child(apr_pool_t *pool, server_rec *main_server)
{
    for (server_rec *server = main_server; server != NULL; server = server->next) {
        struct replica_config *config = config_of_server(server);

        if (config == NULL || config->repositories != NULL)
            continue;
        config->repositories =
            repository_cache_create(config->confdir, config->settings, main_server, pool);
        config->missing = missing_log_create(config->settings, pool);
        if (serves(config))
            geo_config_start_child(config->geo, main_server, pool);
    }
}
