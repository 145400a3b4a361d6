/* SPDX-License-Identifier: Apache-2.0 */
/* Container images, unpacked into a directory that can be run from.
 * Source: other-origins 3.3.1; Docker image specification 1.2; OCI image layout 1.0. */
#ifndef REPLICA_PUBLISH_IMAGE_H
#define REPLICA_PUBLISH_IMAGE_H

#include <apr_hash.h>
#include "libreplica/publish/archive.h"

/* A file of the outer archive that says how the others belong together: all small ones
 * that are JSON are kept. */
#define IMAGE_TEXT_SIZE_MAX  (1024 * 1024)
#define IMAGE_TEXTS_SIZE_MAX (32 * 1024 * 1024)
#define IMAGE_LAYERS_MAX     1024

/* What an outer archive holds, by clean name ("a/b"). */
struct image_files {
    apr_hash_t *texts; /* of struct text * */
    apr_hash_t *links; /* of const char *, clean names */
    apr_pool_t *pool;
};

/* The name without leading slashes, and without "." and ".." components as far as there
 * is something to go up from. */
const char *image_clean_name(const char *name, apr_pool_t *pool);

struct image_layer {
    const char *name;   /* clean, links resolved */
    const char *digest; /* "sha256:..." of the bytes that are stored, or NULL */
};

/* What is run in an image. Words and variables are as the configuration has them. */
struct image {
    apr_array_header_t *layers;      /* of struct image_layer, the lowest first */
    apr_array_header_t *entrypoint;  /* of const char * */
    apr_array_header_t *command;     /* of const char * */
    apr_array_header_t *environment; /* of const char *, as "NAME=value" */
};

/* *image is NULL: the files are none. Docker's manifest counts before OCI's index. False:
 * ERROR_BAD_FORMAT, ERROR_UNSUPPORTED (several images), ERROR_NOT_FOUND (a configuration
 * that is named and not there). Pure. */
bool image_read(struct image **image, const struct image_files *files, apr_pool_t *pool,
                struct error *error);

/* What a container runtime expects of an unpacked image: directories, links and scripts
 * that set the environment and run what the image says. What is there stays, but for the
 * scripts. */
bool image_put_skeleton(struct changes *changes, const struct image *image,
                        const struct archive_options *options, apr_time_t now,
                        apr_pool_t *pool, struct error *error);

#endif
