/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rewrite_rules share. */
#ifndef REPLICA_FORMAT_REWRITE_RULES_INTERNAL_H
#define REPLICA_FORMAT_REWRITE_RULES_INTERNAL_H

#include <apr_hash.h>
#include "libreplica/format/policy_rules_internal.h"
#include "libreplica/format/rewrite_rules.h"

/* Lines about names: each is a rule with a name for its condition, and the index of
 * policies finds the first that matches. After the last there is one that always does. */
struct rewrite_names {
    struct policy_rule *rules;
    int *numbers; /* of the lines */
    int count;
    const struct policy_index *index;
};

struct rewrite_rules {
    struct rewrite_line *lines;
    int count;
    struct rewrite_names repositories, hosts;
    apr_hash_t *paths;   /* bytes of BEFORE: the first line that has them */
    size_t paths_length; /* of the longest */
};

/* NULL, or what makes a path one that servers may read as another. It is what is before
 * the query, percent-encoded. */
const char *rewrite_path_oddity(struct text path);

/* Resolve %XX, of which there are only good ones, into BUFFER of PATH.length bytes. */
struct text rewrite_path_decode(struct text path, char *buffer);

#endif
