/* SPDX-License-Identifier: Apache-2.0 */
/* Which layers an image has, and what is run in it. */
#include "libreplica/publish/image.h"

#include <string.h>
#include <apr_strings.h>
#include <jansson.h>

#include "libreplica/publish/image_digest.h"

#define LINKS_MAX     8
#define INDEXES_MAX   4         /* an index may name an index */
#define UNKNOWN_WORDS "unknown" /* the platform of what only attests something */

/* In one buffer: a name in an archive may have a million bytes. */
const char *image_clean_name(const char *name, apr_pool_t *pool)
{
    char *clean = apr_palloc(pool, strlen(name) + 2), *end = clean;

    while (*name != '\0') {
        size_t length = strcspn(name, "/");

        if (length == 2 && memcmp(name, "..", 2) == 0) {
            while (end > clean && *--end != '/')
                continue;
        } else if (length > 0 && (length != 1 || *name != '.')) {
            if (end > clean)
                *end++ = '/';
            memcpy(end, name, length);
            end += length;
        }
        name += length + (name[length] == '/');
    }
    *end = '\0';
    return clean;
}

/* Where NAME leads: `docker save` writes a layer that occurs twice as a link. */
static const char *resolve(const struct image_files *files, const char *name)
{
    for (int i = 0; i < LINKS_MAX; i++) {
        const char *target = apr_hash_get(files->links, name, APR_HASH_KEY_STRING);

        if (target == NULL)
            break;
        name = target;
    }
    return name;
}

static json_t *find_json(const struct image_files *files, const char *name)
{
    const struct text *text =
        apr_hash_get(files->texts, resolve(files, name), APR_HASH_KEY_STRING);

    return text == NULL ? NULL : json_loadb(text->bytes, text->length, 0, NULL);
}

static bool has_digest(struct text text, const char *digest, apr_pool_t *pool,
                       struct error *error)
{
    struct image_digest *begun;

    if (!image_digest_begin(&begun, digest, pool, error))
        return false;
    image_digest_add(begun, text);
    return image_digest_end(begun, error);
}

/* The name of the blob that DIGEST names in an image layout; NULL: it is none. */
static const char *blob_name(const char *digest, apr_pool_t *pool)
{
    static const char plain[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    const char *colon = digest == NULL ? NULL : strchr(digest, ':');

    if (colon == NULL || colon == digest || colon[1] == '\0' ||
        strspn(digest, plain) != (size_t)(colon - digest) ||
        strspn(colon + 1, plain) != strlen(colon + 1))
        return NULL;
    return apr_pstrcat(pool, "blobs/",
                       apr_pstrmemdup(pool, digest, (size_t)(colon - digest)), "/",
                       colon + 1, NULL);
}

/* The JSON that DESCRIPTOR of an image layout names, checked; NULL with an error. */
static json_t *find_blob(const struct image_files *files, const json_t *descriptor,
                         const char *what, apr_pool_t *pool, struct error *error)
{
    const char *digest = json_string_value(json_object_get(descriptor, "digest"));
    const char *name = blob_name(digest, pool);
    const struct text *text =
        name == NULL ? NULL : apr_hash_get(files->texts, name, APR_HASH_KEY_STRING);
    json_t *found;

    if (text == NULL) {
        error_set(error, ERROR_NOT_FOUND, "the image's %s is not in the archive: %.80s",
                  what, digest != NULL ? digest : "it has no digest");
        return NULL;
    }
    if (!has_digest(*text, digest, pool, error))
        return NULL;
    found = json_loadb(text->bytes, text->length, 0, NULL);
    if (found == NULL)
        error_set(error, ERROR_BAD_FORMAT, "the image's %s is not JSON: %.80s", what,
                  digest);
    return found;
}

/* A list of strings; a string alone is a line for the shell. */
static apr_array_header_t *read_words(const json_t *value, apr_pool_t *pool)
{
    apr_array_header_t *words = apr_array_make(pool, 8, sizeof(const char *));
    const json_t *word;
    size_t index;

    if (json_is_string(value)) {
        APR_ARRAY_PUSH(words, const char *) = "/bin/sh";
        APR_ARRAY_PUSH(words, const char *) = "-c";
        APR_ARRAY_PUSH(words, const char *) = apr_pstrdup(pool, json_string_value(value));
        return words;
    }
    json_array_foreach(value, index, word)
    {
        if (json_is_string(word))
            APR_ARRAY_PUSH(words, const char *) =
                apr_pstrdup(pool, json_string_value(word));
    }
    return words;
}

static void read_configuration(struct image *image, const json_t *configuration,
                               apr_pool_t *pool)
{
    const json_t *inner = json_object_get(configuration, "config");

    image->entrypoint = read_words(json_object_get(inner, "Entrypoint"), pool);
    image->command = read_words(json_object_get(inner, "Cmd"), pool);
    image->environment = read_words(json_object_get(inner, "Env"), pool);
}

static bool has_layers(const json_t *list, struct error *error)
{
    if (json_is_array(list) && json_array_size(list) <= IMAGE_LAYERS_MAX)
        return true;
    return error_set(error, ERROR_BAD_FORMAT,
                     "the image's manifest has no list of layers, or one of more than %d",
                     IMAGE_LAYERS_MAX);
}

static bool read_docker_layers(struct image *image, const struct image_files *files,
                               const json_t *list, apr_pool_t *pool, struct error *error)
{
    const json_t *layer;
    size_t index;

    if (!has_layers(list, error))
        return false;
    json_array_foreach(list, index, layer)
    {
        const char *name = json_string_value(layer);

        if (name == NULL)
            return error_set(error, ERROR_BAD_FORMAT,
                             "manifest.json: layer %d is no name", (int)index + 1);
        APR_ARRAY_PUSH(image->layers, struct image_layer) = (struct image_layer){
            apr_pstrdup(pool, resolve(files, image_clean_name(name, pool))), NULL};
    }
    return true;
}

static bool read_docker(struct image *image, const struct image_files *files,
                        const json_t *manifest, apr_pool_t *pool, struct error *error)
{
    const json_t *one = json_array_get(manifest, 0);
    const char *name = json_string_value(json_object_get(one, "Config"));
    json_t *configuration;

    if (json_array_size(manifest) != 1)
        return error_set(error, ERROR_UNSUPPORTED,
                         "the archive holds %d images; it has to be one",
                         (int)json_array_size(manifest));
    configuration = name == NULL ? NULL : find_json(files, image_clean_name(name, pool));
    if (configuration == NULL)
        return error_set(error, ERROR_NOT_FOUND,
                         "the image's configuration is not in the archive: %.100s",
                         name != NULL ? name : "it has no name");
    read_configuration(image, configuration, pool);
    json_decref(configuration);
    return read_docker_layers(image, files, json_object_get(one, "Layers"), pool, error);
}

static bool read_oci_layers(struct image *image, const json_t *list, apr_pool_t *pool,
                            struct error *error)
{
    const json_t *layer;
    size_t index;

    if (!has_layers(list, error))
        return false;
    json_array_foreach(list, index, layer)
    {
        const char *digest = json_string_value(json_object_get(layer, "digest"));
        const char *name = blob_name(digest, pool);

        if (name == NULL)
            return error_set(error, ERROR_BAD_FORMAT,
                             "the image's manifest: layer %d has no digest",
                             (int)index + 1);
        APR_ARRAY_PUSH(image->layers, struct image_layer) =
            (struct image_layer){name, apr_pstrdup(pool, digest)};
    }
    return true;
}

static bool read_oci_manifest(struct image *image, const struct image_files *files,
                              const json_t *manifest, apr_pool_t *pool,
                              struct error *error)
{
    json_t *configuration = find_blob(files, json_object_get(manifest, "config"),
                                      "configuration", pool, error);

    if (configuration == NULL)
        return false;
    read_configuration(image, configuration, pool);
    json_decref(configuration);
    return read_oci_layers(image, json_object_get(manifest, "layers"), pool, error);
}

/* The one image in an index: statements about images have no platform. */
static const json_t *only_one(const json_t *index, struct error *error)
{
    const json_t *list = json_object_get(index, "manifests"), *entry, *one = NULL;
    size_t position, count = 0;

    json_array_foreach(list, position, entry)
    {
        const json_t *platform = json_object_get(entry, "platform");
        const char *system = json_string_value(json_object_get(platform, "os"));

        if (system != NULL && strcmp(system, UNKNOWN_WORDS) == 0)
            continue;
        one = entry;
        count++;
    }
    if (count == 1)
        return one;
    error_set(error, ERROR_UNSUPPORTED, "the archive holds %d images; it has to be one",
              (int)count);
    return NULL;
}

static bool read_oci(struct image *image, const struct image_files *files,
                     const json_t *index, apr_pool_t *pool, struct error *error)
{
    json_t *found = json_incref((json_t *)index);
    bool ok = true;

    for (int i = 0; ok && i < INDEXES_MAX && json_object_get(found, "manifests"); i++) {
        const json_t *one = only_one(found, error);
        json_t *next =
            one == NULL ? NULL : find_blob(files, one, "manifest", pool, error);

        json_decref(found);
        found = next;
        ok = found != NULL;
    }
    ok = ok && read_oci_manifest(image, files, found, pool, error);
    json_decref(found);
    return ok;
}

bool image_read(struct image **image, const struct image_files *files, apr_pool_t *pool,
                struct error *error)
{
    json_t *docker = find_json(files, "manifest.json");
    json_t *layout = find_json(files, "oci-layout"),
           *index = find_json(files, "index.json");
    struct image *read = apr_pcalloc(pool, sizeof(*read));
    bool ok = true;

    *image = NULL;
    read->layers = apr_array_make(pool, 16, sizeof(struct image_layer));
    if (json_is_object(json_array_get(docker, 0)) &&
        json_object_get(json_array_get(docker, 0), "Layers") != NULL) {
        ok = read_docker(read, files, docker, pool, error);
        *image = read;
    } else if (json_object_get(layout, "imageLayoutVersion") != NULL &&
               json_is_array(json_object_get(index, "manifests"))) {
        ok = read_oci(read, files, index, pool, error);
        *image = read;
    }
    json_decref(docker);
    json_decref(layout);
    json_decref(index);
    return ok;
}
