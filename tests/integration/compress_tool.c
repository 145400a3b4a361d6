/* SPDX-License-Identifier: Apache-2.0 */
/* compress_tool KIND: standard input, compressed, as a SHA-1; then the fingerprint. */
#include <stdio.h>
#include <unistd.h>
#include <apr_general.h>

#include "libreplica/format/compress.h"
#include "libreplica/format/hash.h"

static bool add(void *hasher, const void *bytes, size_t length, struct error *error)
{
    hasher_update(hasher, bytes, length);
    return true;
}

static bool compress_input(struct hash *hash, enum compressor_kind kind, apr_pool_t *pool,
                           struct error *error)
{
    struct compressor *compressor = compressor_create(kind, pool);
    struct hasher *hasher = hasher_create(pool);
    static char piece[100000];
    ssize_t length;

    hasher_start(hasher, HASH_SHA1);
    compressor_start(compressor, COMPRESSION_ZLIB, add, hasher);
    while ((length = read(STDIN_FILENO, piece, sizeof(piece))) > 0)
        if (!compressor_write(compressor, piece, (size_t)length, error))
            return false;
    if (!compressor_finish(compressor, error))
        return false;
    hasher_finish(hasher, hash);
    return true;
}

int main(int argc, char **argv)
{
    char text[HASH_TEXT_SIZE];
    enum compressor_kind kind;
    struct error error = {0};
    struct hash hash;
    apr_pool_t *pool;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    if (argc != 2 || !compressor_kind_parse(&kind, argv[1]))
        return 2;
    if (!compressor_kind_check(kind, &error) ||
        !compress_input(&hash, kind, pool, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%s %08x\n", hash_format(text, &hash), compressor_fingerprint(kind));
    return 0;
}
