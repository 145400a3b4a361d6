/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a container image, taken out of the archive that it came in. */
#ifndef REPLICA_PUBLISH_IMAGE_LAYERS_H
#define REPLICA_PUBLISH_IMAGE_LAYERS_H

#include "libreplica/publish/image.h"

/* Copy the layers of IMAGE out of ARCHIVE, which is at its beginning, into a scratch
 * file, and compare them with their digests. sources    of struct archive_source, in the
 * order of image->layers bytes_max  of all layers; 0: any number POOL owns the scratch
 * file. False: ERROR_NOT_FOUND (a layer is not there), ERROR_BAD_FORMAT, ERROR_TOO_LARGE,
 * ERROR_NO_SPACE, ERROR_IO. */
bool image_layers_take(apr_array_header_t **sources, struct archive *archive,
                       const struct image *image, struct changes *changes,
                       int64_t bytes_max, apr_pool_t *pool, struct error *error);

#endif
