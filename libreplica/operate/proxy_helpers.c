/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of squid.conf for the helpers that the rules need. */
#include "libreplica/operate/proxy_text.h"

#include <string.h>
#include <apr_strings.h>

/* One process answers more than a Squid can ask; others are started only while it does
 * not keep up. All they have not answered yet, and as many as there may be connections,
 * can wait, because what does not fit is denied. */
#define CHILDREN    4
#define CONCURRENCY 500
#define QUEUE_SIZE  16384

/* " --file FILE", if it is not where the helper looks by itself. */
static const char *file_option(struct proxy_text *text, enum proxy_helper helper)
{
    const struct proxy_rule_file *file = &text->options->rules[helper];

    return file->is_named ? apr_pstrcat(text->pool, " --file ", file->path, NULL) : "";
}

void proxy_say_policy_helper(struct proxy_text *text)
{
    if (!text->needs->is_there[PROXY_POLICY]) {
        proxy_say(text, "# No policy: there is no %s.\n",
                  text->options->rules[PROXY_POLICY].path);
        return;
    }
    proxy_say(text,
              "# The rules in %s decide the rest, see replica-policy.conf(5). One\n"
              "# process answers more than Squid can ask; others are started only "
              "while it does not keep up. What\n"
              "# does not fit into the queue would be denied: "
              "it holds as many as there may be connections. An\n"
              "# answer is good for a minute, so that is how late a changed rule may be; "
              "20,000 of them take some\n"
              "# 20 MB, the default of 262,144 would take 250.\n"
              "external_acl_type replica_policy ttl=60 negative_ttl=10 cache=20000 \\\n"
              "    concurrency=%d queue-size=%d children-max=%d children-startup=1 "
              "children-idle=1 \\\n"
              "    %%>a %%>rm %%>ru %%>lp %s/replica-policy --concurrency%s\n"
              "acl replica_policy external replica_policy\n",
              text->options->rules[PROXY_POLICY].path, CONCURRENCY, QUEUE_SIZE, CHILDREN,
              text->options->helpers, file_option(text, PROXY_POLICY));
}

void proxy_say_policy_caching(struct proxy_text *text)
{
    if (text->needs->is_there[PROXY_POLICY])
        proxy_say(text, "# What the policy says `no-cache` of is not kept: it has noted "
                        "that when it was asked above.\n"
                        "acl replica_uncached note cache_ no\n"
                        "cache deny replica_uncached\n");
}

/* Whether there is anything for it to do. */
static bool uses_store_id(const struct proxy_text *text)
{
    const struct proxy_needs *needs = text->needs;

    return needs->maps_geo ||
           (needs->maps_objects && proxy_options_keep_objects(text->options));
}

static void say_store_id_access(struct proxy_text *text)
{
    bool maps_objects =
        text->needs->maps_objects && proxy_options_keep_objects(text->options);

    proxy_say(text, "# It is asked only about what its rules can change.\n"
                    "acl replica_get method GET\n"
                    "store_id_access deny !replica_get\n");
    if (maps_objects)
        proxy_say(text,
                  "acl replica_objects urlpath_regex "
                  "^/cvmfs/[^/]+/%s/[0-9a-f][0-9a-f]/[0-9a-f]+\n"
                  "store_id_access allow replica_objects\n",
                  "data");
    if (text->needs->maps_geo)
        proxy_say(text, "acl replica_geo urlpath_regex ^/cvmfs/[^/]+/api/[^/]+/geo/\n"
                        "store_id_access allow replica_geo\n");
    proxy_say(text, "store_id_access deny all\n");
}

void proxy_say_store_id_access(struct proxy_text *text)
{
    if (uses_store_id(text))
        proxy_say(text,
                  "# Keys of replica-store-id are no URLs that anybody may ask for.\n"
                  "acl replica_keys dstdomain -n .replica.internal\n"
                  "http_access deny replica_keys\n");
}

void proxy_say_store_id(struct proxy_text *text)
{
    const char *path = text->options->rules[PROXY_STORE_ID].path;

    if (!text->needs->is_there[PROXY_STORE_ID]) {
        proxy_say(text, "\n# No StoreID: there are no lines in %s.\n", path);
        return;
    }
    if (!uses_store_id(text)) {
        proxy_say(text,
                  "\n# No StoreID: %s is about objects only, and those are not kept.\n",
                  path);
        return;
    }
    proxy_say(text,
              "\n# What is the same has one key, whatever URL it is asked for by, see "
              "replica-store-id.conf(5).\n"
              "store_id_program %s/replica-store-id --concurrency%s\n"
              "store_id_children %d startup=1 idle=1 concurrency=%d queue-size=%d\n"
              "# If it does not keep up, things are kept by their own URLs for a while: "
              "that does no harm.\n"
              "store_id_bypass on\n"
              "# Where a client is, and whether others say so: questions to the geo API "
              "depend on that. Host\n# names, as by default, would cost a reverse DNS "
              "lookup for each new client.\n"
              "store_id_extras \"%%>a %%>rm %%{CF-Connecting-IP}>h "
              "%%{X-Forwarded-For}>h\"\n",
              text->options->helpers, file_option(text, PROXY_STORE_ID), CHILDREN,
              CONCURRENCY, QUEUE_SIZE);
    say_store_id_access(text);
}

void proxy_say_old_hosts(struct proxy_text *text)
{
    if (text->has_old_hosts)
        return;
    text->has_old_hosts = true;
    /* Without -n an address would cost a reverse lookup. */
    proxy_say_words(text, "replica_old_hosts dstdomain -n", text->needs->hosts);
    proxy_say_words(text, "replica_old_host_names dstdom_regex -n -i",
                    text->needs->host_patterns);
}

static void allow_rewrite(struct proxy_text *text, const char *acl,
                          const apr_array_header_t *words)
{
    if (words->nelts > 0)
        proxy_say(text, "url_rewrite_access allow %s\n", acl);
}

static void say_rewrite_access(struct proxy_text *text)
{
    const struct proxy_needs *needs = text->needs;

    if (needs->rewrites_anything) {
        proxy_say(text, "# Its lines are too many, or too general, for ACLs: it is asked "
                        "about everything.\n");
        return;
    }
    proxy_say(text,
              "# It is asked only about what its lines can change: print this again "
              "after new ones.\n");
    proxy_say_old_hosts(text);
    proxy_say_words(text, "replica_moved_paths urlpath_regex", needs->paths);
    allow_rewrite(text, "replica_old_hosts", needs->hosts);
    allow_rewrite(text, "replica_old_host_names", needs->host_patterns);
    allow_rewrite(text, "replica_moved_paths", needs->paths);
    proxy_say(text, "url_rewrite_access deny all\n");
}

void proxy_say_rewrite(struct proxy_text *text)
{
    const char *path = text->options->rules[PROXY_REWRITE].path;

    if (!text->needs->is_there[PROXY_REWRITE]) {
        proxy_say(text, "\n# No rewriting: there are no lines in %s.\n", path);
        return;
    }
    proxy_say(text,
              "\n# Old names and paths become new ones, see replica-rewrite.conf(5).\n"
              "url_rewrite_program %s/replica-rewrite --concurrency%s\n"
              "url_rewrite_children %d startup=1 idle=1 concurrency=%d queue-size=%d\n"
              "# An old URL that stays old is better than none.\n"
              "url_rewrite_bypass on\n"
              "url_rewrite_timeout 3 seconds on_timeout=bypass\n"
              "url_rewrite_extras \"%%>a %%>rm\"\n",
              text->options->helpers, file_option(text, PROXY_REWRITE), CHILDREN,
              CONCURRENCY, QUEUE_SIZE);
    say_rewrite_access(text);
}
