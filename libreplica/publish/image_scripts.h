/* SPDX-License-Identifier: Apache-2.0 */
/* The scripts by which a container runtime starts what is in an unpacked image. */
#ifndef REPLICA_PUBLISH_IMAGE_SCRIPTS_H
#define REPLICA_PUBLISH_IMAGE_SCRIPTS_H

#include "libreplica/publish/image.h"

/* For /bin/sh. Words and values of the image are quoted, whatever they hold; a variable
 * whose name is none for a shell is left out. */
struct text image_run_script(const struct image *image, apr_pool_t *pool);
struct text image_environment_script(const struct image *image, apr_pool_t *pool);

#endif
