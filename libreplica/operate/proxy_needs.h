/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules of the helpers can touch: Squid should ask a helper about nothing else,
 * and one without rules not at all. */
#ifndef REPLICA_OPERATE_PROXY_NEEDS_H
#define REPLICA_OPERATE_PROXY_NEEDS_H

#include "libreplica/format/policy_rules.h"
#include "libreplica/operate/proxy_options.h"

/* Of so many lines of one part each gets its word in an ACL; of more, all URLs are asked
 * about. */
#define PROXY_NEEDS_WORDS_MAX 50

struct proxy_needs {
    bool is_there[PROXY_HELPER_COUNT]; /* a file with at least one line */
    const struct policy_rules *policy; /* NULL: there is none */
    bool maps_objects, maps_geo;       /* store-id: what its lines are about */
    /* rewrite: words of ACLs (const char *) */
    apr_array_header_t *hosts;         /* dstdomain */
    apr_array_header_t *host_patterns; /* dstdom_regex */
    apr_array_header_t *paths;         /* urlpath_regex */
    apr_array_header_t *old_paths;     /* those of them that no replica has */
    bool rewrites_anything;            /* too many, or none that an ACL could say */
};

/* Read the rule files. One that is not there is no error unless an option names it.
 * False: those of reading and of the rules: what, where, and what to do. */
bool proxy_needs_read(struct proxy_needs *needs, const struct proxy_options *options,
                      apr_pool_t *pool, struct error *error);

/* NULL, or what people should know: that the policy keeps out clients whom OPTIONS let
 * in. Both have a list of networks. */
const char *proxy_needs_contradiction(const struct proxy_needs *needs,
                                      const struct proxy_options *options,
                                      apr_pool_t *pool);

#endif
