/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files that write a squid.conf. */
#ifndef REPLICA_OPERATE_PROXY_TEXT_H
#define REPLICA_OPERATE_PROXY_TEXT_H

#include "libreplica/operate/proxy_needs.h"

struct proxy_text {
    const struct proxy_options *options;
    const struct proxy_needs *needs;
    apr_array_header_t *parts; /* of const char * */
    apr_pool_t *pool;
    bool has_old_hosts; /* said */
};

void proxy_say(struct proxy_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* `acl NAME TYPE WORD`, a line for each. */
void proxy_say_words(struct proxy_text *text, const char *acl,
                     const apr_array_header_t *words);

/* proxy_helpers.c: the program of the external ACL `replica_policy`; then what its notes
 * say of keeping. */
void proxy_say_policy_helper(struct proxy_text *text);
void proxy_say_policy_caching(struct proxy_text *text);
/* StoreID and rewriting; before that, among http_access, what StoreID wants there. */
void proxy_say_store_id_access(struct proxy_text *text);
void proxy_say_store_id(struct proxy_text *text);
/* The ACLs of hosts that replica-rewrite knows; whoever needs them first says them. */
void proxy_say_old_hosts(struct proxy_text *text);
void proxy_say_rewrite(struct proxy_text *text);

/* proxy_accelerator.c, proxy_site.c: everything up to the helpers for URLs. */
void proxy_say_accelerator(struct proxy_text *text);
void proxy_say_site(struct proxy_text *text);
/* What of the two is alike. */
void proxy_say_odd_paths(struct proxy_text *text);
void proxy_say_storage(struct proxy_text *text);

#endif
