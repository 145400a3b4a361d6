/* SPDX-License-Identifier: Apache-2.0 */
/* Why the geo API answers what it answers, in words for the server's operator. */
#ifndef REPLICA_MOD_GEO_EXPLANATION_H
#define REPLICA_MOD_GEO_EXPLANATION_H

#include "mod_replica/geo_answer.h"

/* TRIED is what geo_answer_find tried before the origin it took. */
struct text geo_explanation_write(const struct geo_answer *answer,
                                  const struct geo_request *request,
                                  const struct geo_config *geo,
                                  const struct geo_database *database,
                                  const apr_array_header_t *tried, apr_pool_t *pool);

#endif
