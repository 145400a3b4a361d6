/* SPDX-License-Identifier: Apache-2.0 */
/* squid.conf in front of a replica server's httpd. Source: stratum1-http-and-ops 4.2. */
#include "libreplica/operate/proxy_text.h"

static void say_doors(struct proxy_text *text)
{
    const struct proxy_options *options = text->options;
    const struct proxy_peer *httpd = &APR_ARRAY_IDX(options->peers, 0, struct proxy_peer);

    proxy_say(text,
              "\n# Where clients come in. A request without a Host header gets one.\n");
    for (int i = 0; i < options->ports->nelts; i++)
        proxy_say(text, "http_port %s accel defaultsite=localhost\n",
                  APR_ARRAY_IDX(options->ports, i, const char *));
    proxy_say(
        text,
        "\n# Where everything goes. No digest and no netdb exchange: Squid would poll "
        "httpd for both.\n"
        "cache_peer %s parent %d 0 no-query originserver no-digest "
        "no-netdb-exchange name=httpd\n"
        "never_direct allow all\n"
        "# httpd opens a connection for each waiting request: give up before clients "
        "do.\n"
        "connect_timeout 5 seconds\n",
        httpd->host, httpd->port);
}

static void say_old_paths(struct proxy_text *text)
{
    if (text->needs->old_paths->nelts == 0)
        return;
    proxy_say(text, "# Paths of old that the lines of replica-rewrite know. The policy "
                    "cannot judge them: what may\n# not be read by everybody is for "
                    "`redirect`, because then the client asks again.\n");
    proxy_say_words(text, "replica_old_paths urlpath_regex", text->needs->old_paths);
}

static void say_access(struct proxy_text *text)
{
    bool has_old_paths = text->needs->old_paths->nelts > 0;

    proxy_say(text,
              "\n# What may pass. The cache manager answers on every port unless it is "
              "denied first.\n"
              "acl replica_methods method GET HEAD\n"
              "acl replica_paths urlpath_regex ^/cvmfs/ ^/cvmfs-meta/ ^/robots\\.txt$\n");
    proxy_say_odd_paths(text);
    say_old_paths(text);
    proxy_say_policy_helper(text);
    proxy_say(text,
              "http_access deny manager !localhost\n"
              "http_access allow manager localhost\n"
              "# Others, such as PUT and TRACE, would be passed on to httpd.\n"
              "http_access deny !replica_methods\n"
              "http_access deny !replica_paths%s\n"
              "http_access deny replica_odd_paths\n",
              has_old_paths ? " !replica_old_paths" : "");
    proxy_say_store_id_access(text);
    if (text->needs->is_there[PROXY_POLICY])
        proxy_say(text,
                  "# Last, so that only what could pass is looked up.\n"
                  "http_access deny%s !replica_policy\n",
                  has_old_paths ? " !replica_old_paths" : "");
    proxy_say(text, "http_access allow all\n");
}

static void say_caching(struct proxy_text *text)
{
    if (proxy_options_keep_objects(text->options)) {
        proxy_say(text, "\n# What is kept: whatever httpd and the policy permit, since "
                        "httpd's page cache is on another host.\n");
    } else {
        proxy_say(
            text,
            "\n# What is kept: the API's answers. Objects are in httpd's page cache "
            "already; a second copy in\n# Squid's memory would push them out.\n"
            "acl CVMFSAPI urlpath_regex ^/cvmfs/[^/]*/api/\n"
            "cache deny !CVMFSAPI\n");
    }
    proxy_say_policy_caching(text);
    proxy_say_storage(text);
    proxy_say(text,
              "# Many clients ask the same question at the same moment: ask httpd "
              "once.\n"
              "collapsed_forwarding on\n"
              "# No negative_ttl: whoever sends a request that httpd refuses (a header "
              "too long, a repository that\n# is not his) would have that answer "
              "kept for all others who ask the same.\n");
}

void proxy_say_accelerator(struct proxy_text *text)
{
    say_doors(text);
    say_access(text);
    say_caching(text);
    proxy_say(text,
              "\n# The geo API believes the last address of X-Forwarded-For; chained "
              "replicas detect loops by Via.\n"
              "forwarded_for on\n"
              "via on\n"
              "# The geo API also believes this one, which anybody can send. With "
              "Cloudflare in front of this\n# Squid, and nobody else let in, remove the "
              "line.\n"
              "request_header_access CF-Connecting-IP deny all\n");
}
