/* SPDX-License-Identifier: Apache-2.0 */
/* Who is asking. */
#include "mod_replica/request_client.h"

#include <arpa/inet.h>
#include <string.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>

#include "mod_replica/config.h"

APLOG_USE_MODULE(replica);

/* TEXT as an address; NULL unless it is a plain number, so that no name is looked up. */
static apr_sockaddr_t *parse_address(const char *text, request_rec *r)
{
    struct in6_addr ignored;
    apr_sockaddr_t *address;

    if (inet_pton(AF_INET, text, &ignored) != 1 &&
        inet_pton(AF_INET6, text, &ignored) != 1)
        return NULL;
    if (apr_sockaddr_info_get(&address, text, APR_UNSPEC,
                              r->connection->client_addr->port, 0,
                              r->pool) != APR_SUCCESS)
        return NULL;
    return address;
}

static bool is_trusted(const struct replica_config *config, apr_sockaddr_t *address)
{
    for (int i = 0; i < config->trusted_proxies->nelts; i++)
        if (apr_ipsubnet_test(APR_ARRAY_IDX(config->trusted_proxies, i, apr_ipsubnet_t *),
                              address))
            return true;
    return false;
}

/* Whether the address is this machine's own, as `Require local` means it. */
static bool is_local(apr_sockaddr_t *address, request_rec *r)
{
    apr_ipsubnet_t *loopback;

    if (apr_sockaddr_equal(address, r->connection->local_addr))
        return true;
    return (apr_ipsubnet_create(&loopback, "127.0.0.0", "8", r->pool) == APR_SUCCESS &&
            apr_ipsubnet_test(loopback, address)) ||
           (apr_ipsubnet_create(&loopback, "::1", NULL, r->pool) == APR_SUCCESS &&
            apr_ipsubnet_test(loopback, address));
}

/* The last element of FORWARDED that is not trusted; the first if all are; NULL where an
 * element on the way is no address. */
static apr_sockaddr_t *find_behind_proxy(const char *forwarded,
                                         const struct replica_config *config,
                                         request_rec *r)
{
    apr_array_header_t *elements = apr_array_make(r->pool, 4, sizeof(char *));
    char *list = apr_pstrdup(r->pool, forwarded), *state, *element;
    apr_sockaddr_t *address = NULL;

    for (element = apr_strtok(list, ", \t", &state); element != NULL;
         element = apr_strtok(NULL, ", \t", &state))
        APR_ARRAY_PUSH(elements, char *) = element;
    for (int i = elements->nelts - 1; i >= 0; i--) {
        address = parse_address(APR_ARRAY_IDX(elements, i, char *), r);
        if (address == NULL || !is_trusted(config, address))
            break;
    }
    return address;
}

int request_client_find(request_rec *r)
{
    const struct replica_config *config = config_of_server(r->server);
    const char *forwarded = apr_table_get(r->headers_in, "X-Forwarded-For");
    apr_sockaddr_t *client = r->useragent_addr;

    if (config == NULL ||
        (forwarded == NULL && apr_table_get(r->headers_in, "Via") == NULL))
        return DECLINED;
    if (forwarded != NULL && is_trusted(config, client))
        client = find_behind_proxy(forwarded, config, r);
    if (client == NULL || is_local(client, r))
        client = parse_address("0.0.0.0", r);
    if (client == NULL)
        return HTTP_INTERNAL_SERVER_ERROR;
    r->useragent_addr = client;
    apr_sockaddr_ip_get(&r->useragent_ip, client);
    return DECLINED;
}
