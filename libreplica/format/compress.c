/* SPDX-License-Identifier: Apache-2.0 */
/* The compressors of objects. */
#include "libreplica/format/compress.h"

#include <string.h>
#include <zlib.h>

#include "libreplica/format/deflate.h"

struct compressor {
    const struct deflate_maker *maker;
    void *state;
    enum compression compression;
    struct deflate_output output;
};

/* In the order of enum compressor_kind. */
static const struct kind {
    const char *name;
    const struct deflate_maker *maker;
} kinds[] = {{"zlib", &deflate_zlib}, {"isal", &deflate_isal}};

bool compressor_kind_parse(enum compressor_kind *kind, const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = (enum compressor_kind)i;
            return true;
        }
    return false;
}

const char *compressor_kind_name(enum compressor_kind kind)
{
    return kinds[kind].name;
}

bool compressor_kind_check(enum compressor_kind kind, struct error *error)
{
    if (kind != COMPRESSOR_ISAL || deflate_isal_is_known_here())
        return true;
    return error_set(error, ERROR_UNSUPPORTED,
                     "the compressor 'isal' needs an x86-64 processor with SSE 4.2: on "
                     "others it gives the same content another name");
}

struct compressor *compressor_create(enum compressor_kind kind, apr_pool_t *pool)
{
    struct compressor *compressor = apr_pcalloc(pool, sizeof(*compressor));

    compressor->maker = kinds[kind].maker;
    compressor->state = compressor->maker->create(pool);
    return compressor;
}

void compressor_start(struct compressor *compressor, enum compression compression,
                      compressor_sink *sink, void *baton)
{
    compressor->compression = compression;
    compressor->output = (struct deflate_output){sink, baton};
    if (compression != COMPRESSION_NONE)
        compressor->maker->start(compressor->state);
}

bool compressor_write(struct compressor *compressor, const void *bytes, size_t length,
                      struct error *error)
{
    const struct deflate_output *output = &compressor->output;

    if (compressor->compression == COMPRESSION_NONE)
        return length == 0 || output->sink(output->baton, bytes, length, error);
    return compressor->maker->write(compressor->state, bytes, length, false, output,
                                    error);
}

bool compressor_finish(struct compressor *compressor, struct error *error)
{
    return compressor->compression == COMPRESSION_NONE ||
           compressor->maker->write(compressor->state, NULL, 0, true, &compressor->output,
                                    error);
}

/* Text, repetitions, noise and zeros, over several of the makers' blocks. */
static void make_sample(unsigned char *sample, size_t length)
{
    uint32_t noise = 1;

    for (size_t i = 0; i < length; i++) {
        noise = noise * 1664525U + 1013904223U;
        switch (i >> 14 & 3) {
        case 0:
            sample[i] = (unsigned char)("the quick brown fox\n"[noise >> 28] + (i & 1));
            break;
        case 1:
            sample[i] = (unsigned char)(i * i >> (i % 13));
            break;
        case 2:
            sample[i] = (unsigned char)(noise >> 24);
            break;
        default:
            sample[i] = (unsigned char)((noise >> 29) == 0 ? noise >> 16 : 0);
        }
    }
}

static bool add_to_fingerprint(void *baton, const void *bytes, size_t length,
                               struct error *error)
{
    uLong *fingerprint = baton;

    *fingerprint = crc32(*fingerprint, bytes, (uInt)length);
    return true;
}

static uint32_t find_fingerprint(enum compressor_kind kind)
{
    enum { SAMPLE_SIZE = 300 * 1000 };
    uLong fingerprint = crc32(0, NULL, 0);
    struct compressor *compressor;
    unsigned char *sample;
    struct error unused;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    sample = apr_palloc(pool, SAMPLE_SIZE);
    make_sample(sample, SAMPLE_SIZE);
    compressor = compressor_create(kind, pool);
    compressor_start(compressor, COMPRESSION_ZLIB, add_to_fingerprint, &fingerprint);
    compressor_write(compressor, sample, SAMPLE_SIZE, &unused);
    compressor_finish(compressor, &unused);
    apr_pool_destroy(pool);
    return (uint32_t)fingerprint;
}

uint32_t compressor_fingerprint(enum compressor_kind kind)
{
    static _Atomic uint32_t known[sizeof(kinds) / sizeof(*kinds)]; /* 0: not yet */

    if (known[kind] == 0)
        known[kind] = find_fingerprint(kind);
    return known[kind];
}

bool compression_parse(enum compression *compression, const char *name)
{
    if (strcmp(name, "zlib") == 0 || strcmp(name, "default") == 0)
        *compression = COMPRESSION_ZLIB;
    else if (strcmp(name, "none") == 0)
        *compression = COMPRESSION_NONE;
    else
        return false;
    return true;
}

const char *compression_name(enum compression compression)
{
    return compression == COMPRESSION_NONE ? "none" : "zlib";
}
