/* SPDX-License-Identifier: Apache-2.0 */
/* Digests in container images: "sha256:..." or "sha512:..." of the bytes of a blob. */
#ifndef REPLICA_PUBLISH_IMAGE_DIGEST_H
#define REPLICA_PUBLISH_IMAGE_DIGEST_H

#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

struct image_digest;

/* Begin to compare with the digest EXPECTED, which lives as long. False:
 * ERROR_UNSUPPORTED (another algorithm). */
bool image_digest_begin(struct image_digest **digest, const char *expected,
                        apr_pool_t *pool, struct error *error);
void image_digest_add(struct image_digest *digest, struct text bytes);
/* False: ERROR_BAD_FORMAT, the bytes have another one. */
bool image_digest_end(struct image_digest *digest, struct error *error);

#endif
