/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of /.cvmfsdirtab. */
#include "libreplica/format/dirtab.h"

#include <string.h>
#include "libreplica/format/glob.h"

#define BLANKS " \t\r"

struct rule {
    struct glob whole;              /* from the first slash to the end, none doubled */
    apr_array_header_t *components; /* of struct glob, parts of the whole */
    bool is_absolute;
};

struct dirtab {
    apr_array_header_t *taken;    /* of struct rule */
    apr_array_header_t *left_out; /* the same */
    int depth;
};

/* The symbol at *at, which is moved behind it. False: a backslash before something that
 * needs none. */
static bool read_symbol(uint16_t *symbol, struct text text, size_t *at)
{
    char byte = text.bytes[(*at)++];

    *symbol = glob_symbol(byte);
    if (byte != '\\')
        return true;
    if (*at == text.length || strchr("*?\\", text.bytes[*at]) == NULL)
        return false;
    *symbol = (unsigned char)text.bytes[(*at)++];
    return true;
}

static void end_component(struct rule *rule, const uint16_t *symbols, size_t begin,
                          size_t end)
{
    if (end > begin)
        APR_ARRAY_PUSH(rule->components, struct glob) =
            (struct glob){symbols + begin, end - begin};
}

static bool parse_rule(struct rule *rule, struct text text, apr_pool_t *pool)
{
    uint16_t *symbols = apr_palloc(pool, text.length * sizeof(*symbols)), symbol;
    size_t length = 0, begin, at = 0;

    *rule = (struct rule){.components = apr_array_make(pool, 4, sizeof(struct glob)),
                          .is_absolute = text.bytes[0] == '/'};
    begin = 0;
    while (at < text.length) {
        if (!read_symbol(&symbol, text, &at))
            return false;
        if (symbol == '/') {
            end_component(rule, symbols, begin, length);
            if (length > 0 && symbols[length - 1] == '/')
                length--;
            begin = length + 1;
        }
        symbols[length++] = symbol;
    }
    end_component(rule, symbols, begin, length);
    if (length > 1 && symbols[length - 1] == '/')
        length--;
    rule->whole = (struct glob){symbols, length};
    return rule->components->nelts > 0;
}

static bool are_equal(const struct rule *a, const struct rule *b)
{
    return a->whole.length == b->whole.length &&
           memcmp(a->whole.symbols, b->whole.symbols,
                  a->whole.length * sizeof(*a->whole.symbols)) == 0;
}

static bool is_among(const struct rule *rule, const apr_array_header_t *rules)
{
    for (int i = 0; i < rules->nelts; i++)
        if (are_equal(rule, &APR_ARRAY_IDX(rules, i, struct rule)))
            return true;
    return false;
}

/* NULL, or what is wrong. */
static const char *parse_line(struct dirtab *dirtab, struct text line, apr_pool_t *pool)
{
    bool leaves_out;
    struct rule rule;

    line = text_trim(line, BLANKS);
    if (line.length == 0 || line.bytes[0] == '#')
        return NULL;
    leaves_out = line.bytes[0] == '!';
    if (leaves_out)
        line = text_trim((struct text){line.bytes + 1, line.length - 1}, BLANKS);
    if (line.length == 0)
        return NULL;
    if (!parse_rule(&rule, line, pool))
        return "it is no pattern of a path; a backslash is for *, ? and itself";
    if (!leaves_out && !rule.is_absolute)
        return "the path has to begin with a slash";
    if (is_among(&rule, leaves_out ? dirtab->taken : dirtab->left_out))
        return "the same pattern is taken and left out";
    APR_ARRAY_PUSH(leaves_out ? dirtab->left_out : dirtab->taken, struct rule) = rule;
    if (!leaves_out && rule.components->nelts > dirtab->depth)
        dirtab->depth = rule.components->nelts;
    return NULL;
}

bool dirtab_parse(struct dirtab **dirtab, struct text text, apr_pool_t *pool,
                  struct error *error)
{
    struct dirtab *parsed = apr_pcalloc(pool, sizeof(*parsed));
    int number = 0;

    parsed->taken = apr_array_make(pool, 8, sizeof(struct rule));
    parsed->left_out = apr_array_make(pool, 8, sizeof(struct rule));
    while (text.length > 0) {
        const char *end = memchr(text.bytes, '\n', text.length), *problem;
        size_t length = end != NULL ? (size_t)(end - text.bytes) : text.length;

        number++;
        problem = parse_line(parsed, (struct text){text.bytes, length}, pool);
        if (problem != NULL)
            return error_set(error, ERROR_BAD_FORMAT, DIRTAB_PATH ":%d: %s", number,
                             problem);
        length += end != NULL;
        text.bytes += length;
        text.length -= length;
    }
    *dirtab = parsed;
    return true;
}

static const struct rule *taken(const struct dirtab *dirtab, int index)
{
    return &APR_ARRAY_IDX(dirtab->taken, index, struct rule);
}

bool dirtab_component_matches(const struct dirtab *dirtab, int index, int number,
                              struct text name)
{
    return glob_symbols_match(
        APR_ARRAY_IDX(taken(dirtab, index)->components, number, struct glob), name,
        false);
}

int dirtab_components(const struct dirtab *dirtab, int index)
{
    return taken(dirtab, index)->components->nelts;
}

int dirtab_count(const struct dirtab *dirtab)
{
    return dirtab->taken->nelts;
}

int dirtab_depth(const struct dirtab *dirtab)
{
    return dirtab->depth;
}

static bool takes(const struct dirtab *dirtab, int index, const char *path)
{
    int number = 0, count = dirtab_components(dirtab, index);

    while (*path == '/' && number < count) {
        size_t length = strcspn(++path, "/");

        if (!dirtab_component_matches(dirtab, index, number++,
                                      (struct text){path, length}))
            return false;
        path += length;
    }
    return *path == '\0' && number == count;
}

bool dirtab_matches(const struct dirtab *dirtab, const char *path)
{
    bool is_taken = false;

    for (int i = 0; !is_taken && i < dirtab->taken->nelts; i++)
        is_taken = takes(dirtab, i, path);
    for (int i = 0; is_taken && i < dirtab->left_out->nelts; i++)
        if (glob_symbols_match(APR_ARRAY_IDX(dirtab->left_out, i, struct rule).whole,
                               text_of(path), false))
            return false;
    return is_taken;
}
