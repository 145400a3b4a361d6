/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest: one letter and its value a line. */
#include "libreplica/format/manifest.h"

#include <inttypes.h>
#include <string.h>
#include <apr_strings.h>
#include "libreplica/format/signed_text.h"

#define TTL_MAX UINT32_MAX

static bool parse_yes(bool *value, struct text text)
{
    *value = text_equals(text, "yes");
    return true;
}

static bool parse_ttl(int64_t *value, struct text text)
{
    return text_parse_number(value, text) && *value <= TTL_MAX;
}

static bool parse_name(const char **name, struct text text, apr_pool_t *pool)
{
    return text_is_repository_name(text) && text_to_string(name, text, pool);
}

/* Unknown letters, and L and Z which nobody writes, pass. */
static bool parse_field(struct manifest *manifest, char letter, struct text value,
                        apr_pool_t *pool)
{
    switch (letter) {
    case 'C':
        return hash_parse(&manifest->catalog, value);
    case 'B':
        return text_parse_number(&manifest->catalog_size, value);
    case 'R':
        return text_equals(value, PATH_HASH_ROOT_TEXT);
    case 'D':
        return parse_ttl(&manifest->ttl_seconds, value);
    case 'S':
        return text_parse_number(&manifest->revision, value);
    case 'G':
        return parse_yes(&manifest->garbage_collectable, value);
    case 'A':
        return parse_yes(&manifest->has_alternative_paths, value);
    case 'N':
        return parse_name(&manifest->fqrn, value, pool);
    case 'X':
        return hash_parse_optional(&manifest->certificate, value);
    case 'H':
        return hash_parse_optional(&manifest->history, value);
    case 'T':
        return text_parse_number(&manifest->published_seconds, value);
    case 'M':
        return hash_parse_optional(&manifest->metainfo, value);
    case 'Y':
        return hash_parse_optional(&manifest->reflog, value);
    default:
        return true;
    }
}

static bool parse_body(struct manifest *manifest, struct text body, apr_pool_t *pool,
                       struct error *error)
{
    static const char required[] = "CRDS";
    bool seen[256] = {false};
    struct text line;

    for (int number = 1; text_next_line(&body, &line); number++) {
        struct text value = {line.bytes + 1, line.length - 1};

        if (line.length == 0)
            continue;
        if (!parse_field(manifest, line.bytes[0], value, pool))
            return error_set(error, ERROR_BAD_FORMAT,
                             "manifest line %d: '%s' has a bad value", number,
                             text_for_people(line, 80, pool));
        seen[(unsigned char)line.bytes[0]] = true;
    }
    for (const char *letter = required; *letter != '\0'; letter++)
        if (!seen[(unsigned char)*letter])
            return error_set(error, ERROR_BAD_FORMAT, "the manifest has no line %c",
                             *letter);
    return true;
}

bool manifest_parse(struct manifest **manifest, struct text text, apr_pool_t *pool,
                    struct error *error)
{
    struct manifest *parsed = apr_pcalloc(pool, sizeof(*parsed));
    struct signed_text parts;

    if (text.length > MANIFEST_SIZE_MAX)
        return error_set(error, ERROR_TOO_LARGE,
                         "a manifest of %zu bytes is above the limit of %d", text.length,
                         MANIFEST_SIZE_MAX);
    if (!signed_text_split(&parts, text, error))
        return error_prefix(error, "manifest");
    parsed->fqrn = "";
    if (!parse_body(parsed, parts.body, pool, error))
        return false;
    parsed->signed_text = parts.hash_text;
    parsed->signature = parts.signature;
    *manifest = parsed;
    return true;
}

/* "<letter><hash>\n", or nothing for a hash that is not set. */
static const char *hash_line(char letter, const struct hash *hash, apr_pool_t *pool)
{
    char text[HASH_TEXT_SIZE];

    if (hash_is_null(hash))
        return "";
    return apr_psprintf(pool, "%c%s\n", letter, hash_format(text, hash));
}

static const char *number_line(char letter, int64_t number, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%c%" PRId64 "\n", letter, number);
}

void manifest_objects(struct object objects[MANIFEST_OBJECTS],
                      const struct manifest *manifest)
{
    objects[0] = (struct object){manifest->catalog, OBJECT_CATALOG};
    objects[1] = (struct object){manifest->certificate, OBJECT_CERTIFICATE};
    objects[2] = (struct object){manifest->history, OBJECT_HISTORY};
    objects[3] = (struct object){manifest->metainfo, OBJECT_METAINFO};
}

struct text manifest_format_body(const struct manifest *manifest, apr_pool_t *pool)
{
    const char *published = "";

    if (manifest->published_seconds > 0)
        published = number_line('T', manifest->published_seconds, pool);
    return text_of(apr_pstrcat(
        pool, hash_line('C', &manifest->catalog, pool),
        number_line('B', manifest->catalog_size, pool), "R" PATH_HASH_ROOT_TEXT "\n",
        number_line('D', manifest->ttl_seconds, pool),
        number_line('S', manifest->revision, pool),
        manifest->garbage_collectable ? "Gyes\n" : "Gno\n",
        manifest->has_alternative_paths ? "Ayes\n" : "Ano\n", "N", manifest->fqrn, "\n",
        hash_line('X', &manifest->certificate, pool),
        hash_line('H', &manifest->history, pool), published,
        hash_line('M', &manifest->metainfo, pool),
        hash_line('Y', &manifest->reflog, pool), NULL));
}
