/* SPDX-License-Identifier: Apache-2.0 */
/* The table of settings and the values read into it. */
#include "libreplica/base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <apr_strings.h>
#include <apr_tables.h>

#define SETTINGS_FILE_MAX (1024 * 1024)

const struct setting setting_table[SETTING_COUNT] = {
#define SETTING(id, key, scope, type, fallback, minimum, maximum, sentence)              \
    [SETTING_##id] = {                                                                   \
        key,     SETTING_SCOPE_##scope, SETTING_TYPE_##type, fallback, minimum, maximum, \
        sentence},
#include "libreplica/base/settings.def"
#undef SETTING
};

struct value {
    const char *text;
    int64_t number;
    bool is_set;
};

struct settings {
    apr_pool_t *pool;
    struct value values[SETTING_COUNT];
    apr_array_header_t *warnings; /* of const char * */
};

struct settings *settings_create(apr_pool_t *pool)
{
    struct settings *settings = apr_pcalloc(pool, sizeof(*settings));

    settings->pool = pool;
    settings->warnings = apr_array_make(pool, 0, sizeof(const char *));
    for (int id = 0; id < SETTING_COUNT; id++) {
        struct value *value = &settings->values[id];

        value->text = setting_table[id].fallback;
        /* The defaults are ours; a unit test checks that each is valid. */
        setting_check(&value->text, &value->number, &setting_table[id],
                      setting_table[id].fallback, NULL);
    }
    return settings;
}

struct settings *settings_copy(const struct settings *settings, apr_pool_t *pool)
{
    struct settings *copy = apr_pmemdup(pool, settings, sizeof(*settings));

    copy->pool = pool;
    copy->warnings = apr_array_make(pool, 0, sizeof(const char *));
    for (int id = 0; id < SETTING_COUNT; id++)
        copy->values[id].text = apr_pstrdup(pool, settings->values[id].text);
    return copy;
}

static bool check_number(int64_t *number, const struct setting *setting,
                         const char *value, struct error *error)
{
    static const char byte_units[] = "KMGT";
    static const char time_units[] = "smhd";
    static const int64_t time_factors[] = {1, 60, 3600, 86400};
    struct text digits = text_of(value);
    int64_t factor = 1;

    if (digits.length > 1) {
        char last = digits.bytes[digits.length - 1];
        const char *unit;

        if (setting->type == SETTING_TYPE_BYTES &&
            (unit = strchr(byte_units, last)) != NULL)
            factor = INT64_C(1) << (10 * (unit - byte_units + 1));
        if (setting->type == SETTING_TYPE_SECONDS &&
            (unit = strchr(time_units, last)) != NULL)
            factor = time_factors[unit - time_units];
        if (factor != 1 || (setting->type == SETTING_TYPE_SECONDS && last == 's'))
            digits.length--;
    }
    if (!text_parse_number(number, digits) || *number > INT64_MAX / factor)
        return error_set(error, ERROR_SETTING, "%s: '%s' is not a number", setting->key,
                         value);
    *number *= factor;
    if (*number < setting->minimum || *number > setting->maximum)
        return error_set(error, ERROR_SETTING, "%s: %s is outside %lld..%lld",
                         setting->key, value, (long long)setting->minimum,
                         (long long)setting->maximum);
    return true;
}

static bool check_boolean(int64_t *number, const struct setting *setting,
                          const char *value, struct error *error)
{
    static const char *const yes[] = {"yes", "true", "on", "1"};
    static const char *const no[] = {"no", "false", "off", "0", ""};

    for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
        if (strcasecmp(value, yes[i]) == 0) {
            *number = 1;
            return true;
        }
    for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
        if (strcasecmp(value, no[i]) == 0) {
            *number = 0;
            return true;
        }
    return error_set(error, ERROR_SETTING, "%s: '%s' is neither yes nor no", setting->key,
                     value);
}

bool setting_check(const char **text, int64_t *number, const struct setting *setting,
                   const char *value, struct error *error)
{
    int64_t parsed = 0;

    switch (setting->type) {
    case SETTING_TYPE_TEXT:
    case SETTING_TYPE_SECRET:
        break;
    case SETTING_TYPE_PATH:
        if (*value != '\0' && *value != '/')
            return error_set(error, ERROR_SETTING, "%s: '%s' is not an absolute path",
                             setting->key, value);
        break;
    case SETTING_TYPE_BOOLEAN:
        if (!check_boolean(&parsed, setting, value, error))
            return false;
        break;
    case SETTING_TYPE_INTEGER:
    case SETTING_TYPE_BYTES:
    case SETTING_TYPE_SECONDS:
        if (!check_number(&parsed, setting, value, error))
            return false;
        break;
    }
    *text = value;
    *number = parsed;
    return true;
}

/* What was set is memory of ours; a default is a constant. */
static void wipe(struct value *value)
{
    if (value->is_set)
        explicit_bzero((char *)value->text, strlen(value->text));
}

void settings_assign(struct settings *settings, enum setting_id id, const char *text,
                     int64_t number)
{
    if (setting_table[id].type == SETTING_TYPE_SECRET)
        wipe(&settings->values[id]);
    settings->values[id] = (struct value){text, number, true};
}

void settings_discard_secrets(struct settings *settings)
{
    for (int id = 0; id < SETTING_COUNT; id++)
        if (setting_table[id].type == SETTING_TYPE_SECRET) {
            wipe(&settings->values[id]);
            settings->values[id] = (struct value){setting_table[id].fallback, 0, false};
        }
}

void settings_warn(struct settings *settings, const char *warning)
{
    APR_ARRAY_PUSH(settings->warnings, const char *) = warning;
}

apr_pool_t *settings_pool(const struct settings *settings)
{
    return settings->pool;
}

static bool read_all(struct text *text, int fd, const char *path, apr_pool_t *pool,
                     struct error *error)
{
    struct stat status;
    char *bytes;
    size_t used = 0;

    if (fstat(fd, &status) != 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(error, ERROR_SETTING, "%s is not a regular file", path);
    if (status.st_size > SETTINGS_FILE_MAX)
        return error_set(error, ERROR_TOO_LARGE, "%s is larger than 1 MiB", path);
    bytes = apr_palloc(pool, (size_t)status.st_size + 1);
    while (used < (size_t)status.st_size) {
        ssize_t count = read(fd, bytes + used, (size_t)status.st_size - used);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot read %s", path);
        if (count == 0)
            break;
        used += (size_t)count;
    }
    *text = (struct text){bytes, used};
    return true;
}

bool settings_read(struct settings *settings, enum setting_scope scope, const char *path,
                   bool required, struct error *error)
{
    struct text text;
    bool ok;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        if (errno == ENOENT && !required)
            return true;
        return error_set_errno(error, errno, "cannot read %s", path);
    }
    ok = read_all(&text, fd, path, settings->pool, error);
    close(fd);
    if (!ok)
        return false;
    ok = settings_parse(settings, scope, path, text, error);
    /* What is kept was copied; secrets must not lie about. */
    explicit_bzero((char *)text.bytes, text.length);
    return ok;
}

bool settings_is_set(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].is_set;
}

const char *settings_text(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].text;
}

bool settings_boolean(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].number != 0;
}

int64_t settings_number(const struct settings *settings, enum setting_id id)
{
    return settings->values[id].number;
}

int settings_warning_count(const struct settings *settings)
{
    return settings->warnings->nelts;
}

const char *settings_warning(const struct settings *settings, int index)
{
    return APR_ARRAY_IDX(settings->warnings, index, const char *);
}
