/* SPDX-License-Identifier: Apache-2.0 */
/* squid.conf of a site's forward proxy. Source: stratum1-http-and-ops 4.3. */
#include "libreplica/operate/proxy_text.h"

static void say_doors(struct proxy_text *text)
{
    const struct proxy_options *options = text->options;

    proxy_say(text,
              "\n# Where clients come in: CVMFS_HTTP_PROXY=http://this-host:port.\n");
    for (int i = 0; i < options->ports->nelts; i++)
        proxy_say(text, "http_port %s\n", APR_ARRAY_IDX(options->ports, i, const char *));
    if (options->peers->nelts > 0)
        proxy_say(text,
                  "\n# Proxies to go through, by turns; if none answers, it goes to "
                  "the server itself. No digest\n# and no netdb exchange: Squid "
                  "would poll them for both.\n");
    for (int i = 0; i < options->peers->nelts; i++) {
        const struct proxy_peer *peer =
            &APR_ARRAY_IDX(options->peers, i, struct proxy_peer);

        proxy_say(text,
                  "cache_peer %s parent %d 0 no-query no-digest no-netdb-exchange "
                  "round-robin name=parent%d\n",
                  peer->host, peer->port, i + 1);
    }
    if (options->peers->nelts > 0)
        proxy_say(text, "nonhierarchical_direct off\n");
    proxy_say(text, "# Clients turn to another proxy after five seconds.\n"
                    "connect_timeout 5 seconds\n");
}

static void say_clients(struct proxy_text *text)
{
    proxy_say(text,
              "\n# Who may use it. A proxy for everybody is abused within days. The "
              "rules of the policy may have\n# a line `client` of their own: both "
              "have to let a client in.\n");
    proxy_say_words(text, "localnet src", text->options->networks);
}

/* A name that nobody answers for costs half a minute: none is looked up that a parent
 * will look up, or that replica-rewrite replaces. */
static void say_own_services(struct proxy_text *text)
{
    const struct proxy_needs *needs = text->needs;
    bool has_hosts = needs->hosts->nelts > 0;
    bool has_patterns = needs->host_patterns->nelts > 0;

    proxy_say(text,
              "# Services of this machine trust it, and must not trust the site.\n");
    if (text->options->peers->nelts > 0) {
        proxy_say(text,
                  "acl replica_here dstdom_regex -n -i ^localhost$ ^127\\. ^0 ^\\[::\n"
                  "http_access deny replica_here\n");
        return;
    }
    if (has_hosts || has_patterns)
        proxy_say(text, "# Hosts of old may have no address any more: replica-rewrite is "
                        "asked instead.\n");
    proxy_say_old_hosts(text);
    proxy_say(text, "http_access deny%s%s to_localhost\n",
              has_hosts ? " !replica_old_hosts" : "",
              has_patterns ? " !replica_old_host_names" : "");
}

static void say_access(struct proxy_text *text)
{
    bool has_old_paths = text->needs->old_paths->nelts > 0;

    proxy_say(text,
              "\n# What it is for: reading replicas. Servers of replicas listen on these "
              "ports; add others as needed.\n"
              "acl replica_methods method GET HEAD\n"
              "acl replica_ports port 80 8000\n"
              "acl replica_paths urlpath_regex ^/cvmfs/\n"
              "# Squid speaks FTP, TLS and whois to these ports if a URL says so.\n"
              "acl replica_http proto HTTP\n");
    proxy_say_odd_paths(text);
    if (has_old_paths) {
        proxy_say(text, "# Paths of old that the lines of replica-rewrite know, and the "
                        "policy does not.\n");
        proxy_say_words(text, "replica_old_paths urlpath_regex", text->needs->old_paths);
    }
    proxy_say_policy_helper(text);
    proxy_say(text,
              "# The cache manager is for this machine only.\n"
              "http_access deny manager !localhost\n"
              "http_access allow manager localhost\n"
              "http_access deny !localnet !localhost\n"
              "# A tunnel could lead anywhere.\n"
              "http_access deny CONNECT\n"
              "http_access deny !replica_methods\n"
              "http_access deny !replica_http\n"
              "http_access deny !replica_ports\n"
              "http_access deny !replica_paths%s\n"
              "http_access deny replica_odd_paths\n",
              has_old_paths ? " !replica_old_paths" : "");
    say_own_services(text);
    proxy_say_store_id_access(text);
    if (text->needs->is_there[PROXY_POLICY])
        proxy_say(text,
                  "# Last, so that only what could pass is looked up.\n"
                  "http_access deny%s !replica_policy\n",
                  has_old_paths ? " !replica_old_paths" : "");
    proxy_say(text, "http_access allow all\n");
}

void proxy_say_site(struct proxy_text *text)
{
    say_doors(text);
    say_clients(text);
    say_access(text);
    proxy_say(text,
              "\n# What is kept: whatever servers and policy permit. There is no "
              "refresh_pattern: the servers say\n# how long each answer is good.\n");
    proxy_say_policy_caching(text);
    proxy_say_storage(text);
    proxy_say(text,
              "# The whole site asks for the same object at the same moment: fetch it "
              "once.\n"
              "collapsed_forwarding on\n"
              "# Manifests are good for a minute: the default would keep no answer that "
              "ends within one.\n"
              "minimum_expiry_time 0 seconds\n"
              "\n# Servers need them: the geo API to know where the client is, chains of "
              "caches to find loops.\n"
              "forwarded_for on\n"
              "via on\n");
}
