/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of garbage collection: its lines, writing and reading it. */
#include "libreplica/operate/gc_journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <apr_strings.h>

#define FORMAT_LINE   "replica gc journal 1"
#define LINE_SIZE_MAX 128
#define BLOCK_SIZE    (64 * 1024)

static bool parse_numbered(int64_t *number, struct text text, const char *word)
{
    size_t length = strlen(word);

    return text_starts(text, word) &&
           text_parse_number(number,
                             (struct text){text.bytes + length, text.length - length});
}

static bool parse_end(struct gc_line *line, struct text text)
{
    static const char word[] = "end ";
    struct text rest = {text.bytes + sizeof(word) - 1, text.length - (sizeof(word) - 1)};
    const char *blank = memchr(rest.bytes, ' ', rest.length);
    size_t digits = blank != NULL ? (size_t)(blank - rest.bytes) : rest.length;

    return blank != NULL &&
           text_parse_number(&line->objects, (struct text){rest.bytes, digits}) &&
           hash_parse(&line->hash, (struct text){blank + 1, rest.length - digits - 1});
}

static bool parse_words(struct gc_line *line, struct text text)
{
    static const char repository[] = "repository ", manifest[] = "manifest ";
    int64_t depth = 0;

    if (text_equals(text, FORMAT_LINE)) {
        line->kind = GC_LINE_FORMAT;
        return true;
    }
    if (text_starts(text, repository)) {
        line->kind = GC_LINE_REPOSITORY;
        line->repository = (struct text){text.bytes + sizeof(repository) - 1,
                                         text.length - (sizeof(repository) - 1)};
        return text_is_repository_name(line->repository);
    }
    if (text_starts(text, manifest)) {
        line->kind = GC_LINE_MANIFEST;
        return hash_parse(&line->hash,
                          (struct text){text.bytes + sizeof(manifest) - 1,
                                        text.length - (sizeof(manifest) - 1)});
    }
    line->kind = GC_LINE_SECTION;
    line->section = text_equals(text, "data")        ? GC_SECTION_DATA
                    : text_equals(text, "auxiliary") ? GC_SECTION_AUXILIARY
                                                     : GC_SECTION_CATALOGS;
    if (line->section == GC_SECTION_CATALOGS &&
        (!parse_numbered(&depth, text, "catalogs ") || depth > UINT16_MAX))
        return false;
    line->depth = (unsigned int)depth;
    return true;
}

bool gc_line_parse(struct gc_line *line, struct text text)
{
    struct gc_line parsed = {.kind = GC_LINE_OBJECT};
    bool ok;

    if (text_starts(text, "end ")) {
        parsed.kind = GC_LINE_END;
        ok = parse_end(&parsed, text);
    } else {
        ok = object_parse_name(&parsed.object, text) || parse_words(&parsed, text);
    }
    if (ok)
        *line = parsed;
    return ok;
}

/* Whether an object may stand in a section. */
static bool belongs(enum gc_section section, const struct object *object)
{
    switch (object->type) {
    case OBJECT_CATALOG:
        return section == GC_SECTION_CATALOGS;
    case OBJECT_HISTORY:
    case OBJECT_CERTIFICATE:
    case OBJECT_METAINFO:
        return section == GC_SECTION_AUXILIARY;
    default:
        return section == GC_SECTION_DATA;
    }
}

struct gc_journal_writer {
    struct store_file *file;
    struct hasher *hasher;
    int64_t objects;
    bool has_section;
    enum gc_section section;
    unsigned int depth;
};

static bool write_line(struct gc_journal_writer *writer, struct error *error,
                       const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool write_line(struct gc_journal_writer *writer, struct error *error,
                       const char *format, ...)
{
    char line[LINE_SIZE_MAX + 2];
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    hasher_update(writer->hasher, line, (size_t)length);
    return store_write(writer->file, line, (size_t)length, error);
}

bool gc_journal_create(struct gc_journal_writer **writer, struct store *store,
                       const char *fqrn, const struct hash *manifest, apr_pool_t *pool,
                       struct error *error)
{
    struct gc_journal_writer *created = apr_pcalloc(pool, sizeof(*created));
    char text[HASH_TEXT_SIZE];

    created->hasher = hasher_create(pool);
    hasher_start(created->hasher, HASH_SHA1);
    if (!store_begin(&created->file, store, HASH_SHA1, pool, error))
        return false;
    *writer = created;
    return write_line(created, error, FORMAT_LINE) &&
           write_line(created, error, "repository %s", fqrn) &&
           write_line(created, error, "manifest %s", hash_format(text, manifest));
}

static bool write_section(struct gc_journal_writer *writer, enum gc_section section,
                          unsigned int depth, struct error *error)
{
    writer->has_section = true;
    writer->section = section;
    writer->depth = depth;
    if (section == GC_SECTION_CATALOGS)
        return write_line(writer, error, "catalogs %u", depth);
    return write_line(writer, error, section == GC_SECTION_DATA ? "data" : "auxiliary");
}

bool gc_journal_add(struct gc_journal_writer *writer, enum gc_section section,
                    unsigned int depth, const struct object *object, struct error *error)
{
    char name[OBJECT_NAME_SIZE];

    if ((!writer->has_section || writer->section != section || writer->depth != depth) &&
        !write_section(writer, section, depth, error))
        return false;
    writer->objects++;
    return write_line(writer, error, "%s", object_name(name, object));
}

bool gc_journal_finish(struct gc_journal_writer *writer, struct error *error)
{
    char text[HASH_TEXT_SIZE];
    struct hash hash;
    int64_t size;

    hasher_finish(writer->hasher, &hash);
    hasher_start(writer->hasher, HASH_SHA1);
    return write_line(writer, error, "end %lld %s", (long long)writer->objects,
                      hash_format(text, &hash)) &&
           store_finish(writer->file, &hash, &size, error) &&
           store_commit_as(writer->file, GC_JOURNAL_NAME, error);
}

struct reader {
    struct gc_journal *journal;
    gc_journal_visit *visit;
    void *baton;
    apr_pool_t *pool;
    struct hasher *hasher;
    int64_t lines, objects;
    bool has_section, has_ended;
    enum gc_section section;
    unsigned int depth;
};

static bool damaged(struct error *error, const struct reader *reader)
{
    return error_set(error, ERROR_BAD_FORMAT, GC_JOURNAL_NAME " is damaged at line %lld",
                     (long long)reader->lines);
}

static bool end_section(struct reader *reader, struct error *error)
{
    return !reader->has_section || reader->visit == NULL ||
           reader->visit(reader->baton, reader->section, reader->depth, NULL, error);
}

/* Sections only go down. */
static bool take_section(struct reader *reader, const struct gc_line *line,
                         struct error *error)
{
    if (reader->has_section &&
        (line->section < reader->section ||
         (line->section == reader->section && line->depth <= reader->depth)))
        return damaged(error, reader);
    if (!end_section(reader, error))
        return false;
    reader->has_section = true;
    reader->section = line->section;
    reader->depth = line->depth;
    return true;
}

static bool take_object(struct reader *reader, const struct object *object,
                        struct error *error)
{
    if (!reader->has_section || !belongs(reader->section, object))
        return damaged(error, reader);
    reader->objects++;
    return reader->visit == NULL ||
           reader->visit(reader->baton, reader->section, reader->depth, object, error);
}

static bool take_end(struct reader *reader, const struct gc_line *line,
                     struct error *error)
{
    struct hash hash;

    hasher_finish(reader->hasher, &hash);
    hasher_start(reader->hasher, HASH_SHA1);
    if (!hash_equals(&hash, &line->hash) || line->objects != reader->objects ||
        reader->lines < 4)
        return damaged(error, reader);
    reader->has_ended = true;
    reader->journal->objects = line->objects;
    return end_section(reader, error);
}

/* Whether a line of this kind may be the NUMBERth. */
static bool is_in_place(enum gc_line_kind kind, int64_t number)
{
    switch (number) {
    case 1:
        return kind == GC_LINE_FORMAT;
    case 2:
        return kind == GC_LINE_REPOSITORY;
    case 3:
        return kind == GC_LINE_MANIFEST;
    default:
        return kind >= GC_LINE_SECTION;
    }
}

static bool take_line(struct reader *reader, struct text text, struct error *error)
{
    struct gc_line line;

    reader->lines++;
    if (reader->has_ended || !gc_line_parse(&line, text) ||
        !is_in_place(line.kind, reader->lines))
        return damaged(error, reader);
    if (line.kind == GC_LINE_REPOSITORY)
        text_to_string(&reader->journal->fqrn, line.repository, reader->pool);
    if (line.kind == GC_LINE_MANIFEST)
        reader->journal->manifest = line.hash;
    if (line.kind == GC_LINE_SECTION && !take_section(reader, &line, error))
        return false;
    if (line.kind == GC_LINE_OBJECT && !take_object(reader, &line.object, error))
        return false;
    if (line.kind == GC_LINE_END && !take_end(reader, &line, error))
        return false;
    hasher_update(reader->hasher, text.bytes, text.length);
    hasher_update(reader->hasher, "\n", 1);
    return true;
}

/* Take the whole lines of BYTES; *left is how many bytes of it are the begin of one. */
static bool take_lines(size_t *left, struct reader *reader, const char *bytes,
                       size_t length, struct error *error)
{
    struct text rest = {bytes, length}, line;

    while (text_next_line(&rest, &line))
        if (!take_line(reader, line, error))
            return false;
    *left = rest.length;
    return rest.length <= LINE_SIZE_MAX || damaged(error, reader);
}

static bool read_lines(struct reader *reader, int fd, struct error *error)
{
    char *block = apr_palloc(reader->pool, BLOCK_SIZE);
    size_t left = 0;
    ssize_t count;

    while ((count = read(fd, block + left, BLOCK_SIZE - left)) != 0) {
        size_t length = left + (size_t)(count > 0 ? count : 0);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return error_set_errno(error, errno, "cannot read " GC_JOURNAL_NAME);
        if (!take_lines(&left, reader, block, length, error))
            return false;
        memmove(block, block + length - left, left);
    }
    reader->lines++;
    return (left == 0 && reader->has_ended) || damaged(error, reader);
}

bool gc_journal_read(struct gc_journal *journal, bool *found, struct store *store,
                     gc_journal_visit *visit, void *baton, apr_pool_t *pool,
                     struct error *error)
{
    struct reader reader = {.journal = journal, .visit = visit, .baton = baton};
    struct store_status status;
    bool ok;
    int fd;

    if (!store_stat_file(store, GC_JOURNAL_NAME, &status, found, error))
        return false;
    if (!*found)
        return true;
    if (!store_open_file(&fd, store, GC_JOURNAL_NAME, error))
        return false;
    *journal = (struct gc_journal){.fqrn = "", .written = status.changed};
    apr_pool_create(&reader.pool, pool);
    reader.hasher = hasher_create(reader.pool);
    hasher_start(reader.hasher, HASH_SHA1);
    ok = read_lines(&reader, fd, error);
    close(fd);
    journal->fqrn = apr_pstrdup(pool, journal->fqrn);
    apr_pool_destroy(reader.pool);
    return ok;
}

bool gc_journal_drop(struct store *store, struct error *error)
{
    return store_remove_file(store, GC_JOURNAL_NAME, error) &&
           store_barrier(store, error);
}
