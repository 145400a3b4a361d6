/* SPDX-License-Identifier: Apache-2.0 */
/* What Apptainer and Singularity expect of an image that lies in a directory. */
#include <string.h>
#include <apr_strings.h>

#include "libreplica/publish/image_scripts.h"

#define DIRECTORY ".singularity.d"

/* Parents first. */
static const char *const directories[] = {
    "/" DIRECTORY,
    "/" DIRECTORY "/libs",
    "/" DIRECTORY "/actions",
    "/" DIRECTORY "/env",
    "/dev",
    "/proc",
    "/root",
    "/var",
    "/var/tmp",
    "/tmp",
    "/etc",
    "/sys",
    "/home",
};

static const struct link {
    const char *path, *target;
} links[] = {
    {"/singularity", DIRECTORY "/runscript"},
    {"/.run", DIRECTORY "/actions/run"},
    {"/.exec", DIRECTORY "/actions/exec"},
    {"/.test", DIRECTORY "/actions/test"},
    {"/.shell", DIRECTORY "/actions/shell"},
    {"/environment", DIRECTORY "/env/90-environment.sh"},
};

#define SET_ENVIRONMENT                                                                  \
    "#!/bin/sh\n"                                                                        \
    "for script in /" DIRECTORY "/env/*.sh; do\n"                                        \
    "    [ -f \"$script\" ] && . \"$script\"\n"                                          \
    "done\n"

static const struct script {
    const char *path, *content;
} scripts[] = {
    {"/actions/exec", SET_ENVIRONMENT "exec \"$@\"\n"},
    {"/actions/run", SET_ENVIRONMENT "[ -x /" DIRECTORY "/runscript ] &&\n"
                                     "    exec /" DIRECTORY "/runscript \"$@\"\n"
                                     "echo 'This image does not say what to run' >&2\n"
                                     "exit 1\n"},
    {"/actions/shell", SET_ENVIRONMENT
     "for shell in \"${SINGULARITY_SHELL:-}\" /bin/bash /bin/sh; do\n"
     "    [ -n \"$shell\" ] && [ -x \"$shell\" ] && exec \"$shell\" \"$@\"\n"
     "done\n"
     "echo 'There is no shell in this image' >&2\n"
     "exit 1\n"},
    {"/actions/test", SET_ENVIRONMENT "[ -x /" DIRECTORY "/test ] || exit 0\n"
                                      "exec /" DIRECTORY "/test \"$@\"\n"},
    {"/env/01-base.sh", "#!/bin/sh\n"},
    {"/env/90-environment.sh", "#!/bin/sh\n"},
    {"/env/99-base.sh",
     "#!/bin/sh\n"
     "[ -n \"${PATH:-}\" ] ||\n"
     "    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
     "export PATH\n"},
};

struct skeleton {
    struct changes *changes;
    const struct archive_options *options;
    int64_t now_seconds;
    apr_pool_t *pool;
};

static struct change_attributes attributes_of(const struct skeleton *skeleton,
                                              unsigned int mode)
{
    return (struct change_attributes){.mode = mode,
                                      .uid = skeleton->options->uid,
                                      .gid = skeleton->options->gid,
                                      .mtime_seconds = skeleton->now_seconds};
}

static const char *place(const struct skeleton *skeleton, const char *path)
{
    return apr_pstrcat(skeleton->pool, skeleton->options->base, path, NULL);
}

static bool is_there(bool *is, const struct skeleton *skeleton, const char *path,
                     struct error *error)
{
    struct catalog_entry entry;

    return changes_lookup(skeleton->changes, is, &entry, path, error);
}

static bool put_directory(const struct skeleton *skeleton, const char *path,
                          struct error *error)
{
    struct change_attributes attributes = attributes_of(skeleton, 0755);
    bool is;

    path = place(skeleton, path);
    return is_there(&is, skeleton, path, error) &&
           (is || changes_make_directory(skeleton->changes, path, &attributes, error));
}

static bool put_file(const struct skeleton *skeleton, const char *path,
                     struct text content, unsigned int mode, struct error *error)
{
    struct change_attributes attributes = attributes_of(skeleton, mode);

    return changes_put_text(skeleton->changes, place(skeleton, path), content,
                            &attributes, error);
}

/* Directories that an image makes links, as /var/run or /tmp, are left to it. */
static bool has_directory(bool *has, const struct skeleton *skeleton, const char *path,
                          struct error *error)
{
    return changes_has_directory(has, skeleton->changes, place(skeleton, path), error);
}

static bool put_missing_file(const struct skeleton *skeleton, const char *path,
                             struct error *error)
{
    bool has_etc, is;

    if (!has_directory(&has_etc, skeleton, "/etc", error) ||
        !is_there(&is, skeleton, place(skeleton, path), error))
        return false;
    return is || !has_etc || put_file(skeleton, path, text_of(""), 0644, error);
}

static bool put_directories(const struct skeleton *skeleton, struct error *error)
{
    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        const char *slash = strrchr(directories[i], '/');
        const char *parent = apr_pstrmemdup(skeleton->pool, directories[i],
                                            (size_t)(slash - directories[i]));
        bool has_parent = true;

        if (*parent != '\0' && !has_directory(&has_parent, skeleton, parent, error))
            return false;
        if (has_parent && !put_directory(skeleton, directories[i], error))
            return false;
    }
    return true;
}

static bool put_links(const struct skeleton *skeleton, struct error *error)
{
    struct change_attributes attributes = attributes_of(skeleton, 0777);

    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        const char *path = place(skeleton, links[i].path);
        bool is;

        if (!is_there(&is, skeleton, path, error) ||
            (!is && !changes_symlink(skeleton->changes, path, text_of(links[i].target),
                                     &attributes, error)))
            return false;
    }
    return true;
}

static bool put_scripts(const struct skeleton *skeleton, const struct image *image,
                        struct error *error)
{
    for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++)
        if (!put_file(skeleton,
                      apr_pstrcat(skeleton->pool, "/" DIRECTORY, scripts[i].path, NULL),
                      text_of(scripts[i].content), 0755, error))
            return false;
    return put_file(skeleton, "/" DIRECTORY "/env/10-docker2singularity.sh",
                    image_environment_script(image, skeleton->pool), 0755, error) &&
           put_file(skeleton, "/" DIRECTORY "/runscript",
                    image_run_script(image, skeleton->pool), 0755, error);
}

bool image_put_skeleton(struct changes *changes, const struct image *image,
                        const struct archive_options *options, apr_time_t now,
                        apr_pool_t *pool, struct error *error)
{
    struct skeleton skeleton = {changes, options, apr_time_sec(now), pool};

    return put_directories(&skeleton, error) && put_links(&skeleton, error) &&
           put_missing_file(&skeleton, "/etc/hosts", error) &&
           put_missing_file(&skeleton, "/etc/resolv.conf", error) &&
           put_scripts(&skeleton, image, error);
}
