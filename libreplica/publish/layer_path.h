/* SPDX-License-Identifier: Apache-2.0 */
/* Where the entry of an image's layer goes: links of the layers below lead on. */
#ifndef REPLICA_PUBLISH_LAYER_PATH_H
#define REPLICA_PUBLISH_LAYER_PATH_H

#include "libreplica/publish/changes.h"

/* PATH below BASE with the symbolic links among its directories followed, as if BASE were
 * the root: none leads out of it. What PATH itself names is not followed. False:
 * ERROR_BAD_FORMAT (links in a circle), or what the changes report. */
bool layer_path_resolve(const char **resolved, struct changes *changes, const char *base,
                        const char *path, apr_pool_t *pool, struct error *error);

#endif
