/* SPDX-License-Identifier: Apache-2.0 */
/* The reflog where it is served, and its checksum in the spool. */
#include "libreplica/store/reflog_file.h"

#include "libreplica/store/file.h"

bool reflog_file_publish(struct hash *checksum, struct store *store, const char *path,
                         enum hash_algorithm algorithm, const char *checksum_file,
                         apr_pool_t *pool, struct error *error)
{
    char text[HASH_TEXT_SIZE];
    struct text content;

    if (!file_read(&content, path, REFLOG_SIZE_MAX, pool, error))
        return false;
    hash_bytes(checksum, algorithm, content.bytes, content.length);
    return store_replace(store, REFLOG_NAME, content, error) &&
           file_replace(checksum_file, text_of(hash_format(text, checksum)), 0644, pool,
                        error);
}
