/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns with * and ?. */
#include "libreplica/format/glob.h"

bool glob_is_pattern(struct text pattern)
{
    for (size_t i = 0; i < pattern.length; i++)
        if (pattern.bytes[i] == '*' || pattern.bytes[i] == '?')
            return true;
    return false;
}

uint16_t glob_symbol(char byte)
{
    return byte == '*'   ? GLOB_ANY_BYTES
           : byte == '?' ? GLOB_ANY_BYTE
                         : (unsigned char)byte;
}

/* Only the last star is ever tried again: what an earlier one might have taken more, the
 * last one takes as well. */
bool glob_matches(struct text pattern, struct text text)
{
    size_t i = 0, at = 0, after_star = SIZE_MAX, star_at = 0;

    while (at < text.length || i < pattern.length) {
        char wanted = i < pattern.length ? pattern.bytes[i] : '\0';

        if (i < pattern.length && wanted == '*') {
            after_star = ++i;
            star_at = at;
        } else if (i < pattern.length && at < text.length &&
                   (wanted == '?' || wanted == text.bytes[at])) {
            i++;
            at++;
        } else if (after_star == SIZE_MAX || star_at == text.length) {
            return false;
        } else {
            i = after_star;
            at = ++star_at;
        }
    }
    return true;
}

bool glob_symbols_match(struct glob glob, struct text text, bool it_may_end_early)
{
    size_t i = 0, at = 0, after_star = SIZE_MAX, star_at = 0;

    for (;;) {
        uint16_t wanted = i < glob.length ? glob.symbols[i] : 0;

        if (i == glob.length &&
            (at == text.length || (it_may_end_early && at > 0 && text.bytes[at] == '/')))
            return true;
        if (wanted == GLOB_ANY_BYTES) {
            after_star = ++i;
            star_at = at;
        } else if (i < glob.length && at < text.length &&
                   (wanted == GLOB_ANY_BYTE || wanted == (unsigned char)text.bytes[at])) {
            i++;
            at++;
        } else if (after_star == SIZE_MAX || star_at == text.length) {
            return false;
        } else {
            i = after_star;
            at = ++star_at;
        }
    }
}
