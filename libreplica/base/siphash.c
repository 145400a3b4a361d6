/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 with 128 bits. */
#include "libreplica/base/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(struct state *state, int rounds)
{
    while (rounds-- > 0) {
        state->v0 += state->v1;
        state->v2 += state->v3;
        state->v1 = rotate(state->v1, 13) ^ state->v0;
        state->v3 = rotate(state->v3, 16) ^ state->v2;
        state->v0 = rotate(state->v0, 32);
        state->v2 += state->v1;
        state->v0 += state->v3;
        state->v1 = rotate(state->v1, 17) ^ state->v2;
        state->v3 = rotate(state->v3, 21) ^ state->v0;
        state->v2 = rotate(state->v2, 32);
    }
}

static void absorb(struct state *state, uint64_t word)
{
    state->v3 ^= word;
    mix(state, 2);
    state->v0 ^= word;
}

static uint64_t word_at(const char *bytes, size_t length)
{
    uint64_t word = 0;

    memcpy(&word, bytes, length);
    return le64toh(word);
}

struct siphash siphash_of(const struct siphash_key *key, struct text text)
{
    /* "somepseudorandomlygeneratedbytes", and the mark of the 128 bit form. */
    struct state state = {
        key->words[0] ^ 0x736f6d6570736575, key->words[1] ^ 0x646f72616e646f6d ^ 0xee,
        key->words[0] ^ 0x6c7967656e657261, key->words[1] ^ 0x7465646279746573};
    struct siphash hash;
    size_t i = 0;

    for (; text.length - i >= 8; i += 8)
        absorb(&state, word_at(text.bytes + i, 8));
    absorb(&state,
           word_at(text.bytes + i, text.length - i) | (uint64_t)text.length << 56);
    state.v2 ^= 0xee;
    mix(&state, 4);
    hash.words[0] = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
    state.v1 ^= 0xdd;
    mix(&state, 4);
    hash.words[1] = state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
    return hash;
}

bool siphash_equals(const struct siphash *one, const struct siphash *other)
{
    return one->words[0] == other->words[0] && one->words[1] == other->words[1];
}
