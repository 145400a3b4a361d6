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
#include "mod_replica/forwarded_for.h"
#include "mod_replica/networks.h"

APLOG_USE_MODULE(replica);

/* The peer's address, where another one is in its place. */
#define PEER_NOTE "replica-peer"

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
    struct text list = text_of(forwarded), element;
    apr_sockaddr_t *address = NULL;

    while (forwarded_for_take_last(&element, &list)) {
        address =
            parse_address(apr_pstrmemdup(r->pool, element.bytes, element.length), r);
        if (address == NULL || !networks_contain(config->trusted_proxies, address))
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
    if (forwarded != NULL && networks_contain(config->trusted_proxies, client))
        client = find_behind_proxy(forwarded, config, r);
    if (client == NULL || is_local(client, r))
        client = parse_address("0.0.0.0", r);
    if (client == NULL)
        return HTTP_INTERNAL_SERVER_ERROR;
    apr_table_setn(r->notes, PEER_NOTE, r->useragent_ip);
    r->useragent_addr = client;
    apr_sockaddr_ip_get(&r->useragent_ip, client);
    return DECLINED;
}

const char *request_client_peer(const request_rec *r)
{
    const char *peer = apr_table_get(r->notes, PEER_NOTE);

    return peer != NULL ? peer : r->useragent_ip;
}

bool request_client_is_local(request_rec *r)
{
    return apr_table_get(r->headers_in, "X-Forwarded-For") == NULL &&
           apr_table_get(r->headers_in, "Via") == NULL &&
           is_local(r->connection->client_addr, r) && is_local(r->useragent_addr, r);
}
