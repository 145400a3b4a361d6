/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash against OpenSSL's. */
#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include "libreplica/base/siphash.h"

static void openssl_siphash(unsigned char hash[16], const struct siphash_key *key,
                            struct text text)
{
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
    size_t length;

    assert_int_equal(
        EVP_MAC_init(context, (const unsigned char *)key, sizeof(*key), NULL), 1);
    assert_int_equal(
        EVP_MAC_update(context, (const unsigned char *)text.bytes, text.length), 1);
    assert_int_equal(EVP_MAC_final(context, hash, &length, 16), 1);
    assert_int_equal(length, 16);
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(algorithm);
}

static void test_every_length_as_openssl(void **state)
{
    struct siphash_key key;
    char bytes[300];

    srandom(1);
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        unsigned char expected[16];
        struct siphash hash;

        for (size_t i = 0; i < sizeof(key); i++)
            ((unsigned char *)&key)[i] = (unsigned char)random();
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)random();
        hash = siphash_of(&key, (struct text){bytes, length});
        openssl_siphash(expected, &key, (struct text){bytes, length});
        assert_memory_equal(&hash, expected, sizeof(hash));
    }
}

/* The first test vector of the paper's reference code: key 00 01 02 ..., no input. */
static void test_published_vector(void **state)
{
    static const unsigned char expected[16] = {0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25,
                                               0xa8, 0xe6, 0x6d, 0xf6, 0x72, 0x14,
                                               0xc7, 0x55, 0x02, 0x93};
    struct siphash_key key;
    struct siphash hash, other;

    for (size_t i = 0; i < sizeof(key); i++)
        ((unsigned char *)&key)[i] = (unsigned char)i;
    hash = siphash_of(&key, text_of(""));
    assert_memory_equal(&hash, expected, sizeof(hash));
    other = siphash_of(&key, text_of("a"));
    assert_true(siphash_equals(&hash, &hash));
    assert_false(siphash_equals(&hash, &other));
}

static const struct CMUnitTest siphash_tests[] = {
    UNIT_TEST(test_every_length_as_openssl),
    UNIT_TEST(test_published_vector),
};

UNIT_MAIN(siphash_tests)
