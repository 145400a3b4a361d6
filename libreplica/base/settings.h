/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: one table (settings.def), read from the reference's KEY=value files. */
#ifndef REPLICA_BASE_SETTINGS_H
#define REPLICA_BASE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <apr_pools.h>
#include "libreplica/base/error.h"
#include "libreplica/base/text.h"

enum setting_id {
#define SETTING(id, key, scope, type, fallback, minimum, maximum, sentence) SETTING_##id,
#include "libreplica/base/settings.def"
#undef SETTING
    SETTING_COUNT
};

enum setting_scope { SETTING_SCOPE_SERVER, SETTING_SCOPE_REPOSITORY };
enum setting_type {
    SETTING_TYPE_TEXT,
    SETTING_TYPE_SECRET, /* text; see settings_discard_secrets */
    SETTING_TYPE_PATH,
    SETTING_TYPE_BOOLEAN,
    SETTING_TYPE_INTEGER,
    SETTING_TYPE_BYTES,
    SETTING_TYPE_SECONDS
};

/* One row of settings.def. */
struct setting {
    const char *key;
    enum setting_scope scope;
    enum setting_type type;
    const char *fallback;
    int64_t minimum;
    int64_t maximum;
    const char *sentence;
};
extern const struct setting setting_table[SETTING_COUNT];

struct settings;

/* All defaults. POOL owns the settings and every string in them. Not thread-safe while
 * being filled; afterwards read-only and shareable. */
struct settings *settings_create(apr_pool_t *pool);

/* A copy that files of a narrower scope can be read into. */
struct settings *settings_copy(const struct settings *settings, apr_pool_t *pool);

/* Read the text of FILE (a name for messages). Accepted: blank lines, comments,
 * `KEY=value` with bare, '...' and "..." parts, `export` in front. Later lines win. A
 * setting of SETTING_SCOPE_SERVER in a repository's file, an unknown REPLICA_ key, a bad
 * value, or shell syntax in a line that assigns a key of the table is
 * ERROR_SETTING with file and line; other shell syntax is kept as a warning; other keys
 * are left alone. Source: design part 3. */
bool settings_parse(struct settings *settings, enum setting_scope scope, const char *file,
                    struct text text, struct error *error);

/* The same for a file on disk. A missing file is an error only if REQUIRED. */
bool settings_read(struct settings *settings, enum setting_scope scope, const char *path,
                   bool required, struct error *error);

/* What TEXT, a file of the same form that is none of ours, assigns to KEY last; NULL:
 * nothing, or what only a shell could tell. */
const char *settings_find_value(struct text text, const char *key, apr_pool_t *pool);

/* Whether a file assigned the setting. */
bool settings_is_set(const struct settings *settings, enum setting_id id);

const char *settings_text(const struct settings *settings, enum setting_id id);
bool settings_boolean(const struct settings *settings, enum setting_id id);
/* INTEGER, BYTES (bytes), SECONDS (seconds). */
int64_t settings_number(const struct settings *settings, enum setting_id id);

/* Overwrite the secrets and unset them: for a process that has no use for them. */
void settings_discard_secrets(struct settings *settings);

/* Lines that looked like shell and were passed over: "<file>:<line>: ...". */
int settings_warning_count(const struct settings *settings);
const char *settings_warning(const struct settings *settings, int index);

/* For settings_parse.c and the tests: one value as its type says. True: *text is the
 * value in its normal form, *number the number or boolean. */
bool setting_check(const char **text, int64_t *number, const struct setting *setting,
                   const char *value, struct error *error);
void settings_assign(struct settings *settings, enum setting_id id, const char *text,
                     int64_t number);
void settings_warn(struct settings *settings, const char *warning);
apr_pool_t *settings_pool(const struct settings *settings);

#endif
