/* SPDX-License-Identifier: Apache-2.0 */
/* A squid.conf for a host: what both kinds have in common. */
#include "libreplica/operate/proxy_configuration.h"

#include <stdarg.h>
#include <apr_strings.h>

#include "libreplica/operate/proxy_text.h"

/* With a disk only what is hot belongs in memory, without one everything. Source:
 * stratum1-http-and-ops 4.2, 4.3. */
#define HOT_KILOBYTES       128
#define IN_MEMORY_KILOBYTES (32 * 1024)
#define LARGEST_MEGABYTES   1024

void proxy_say(struct proxy_text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    APR_ARRAY_PUSH(text->parts, const char *) =
        apr_pvsprintf(text->pool, format, arguments);
    va_end(arguments);
}

void proxy_say_words(struct proxy_text *text, const char *acl,
                     const apr_array_header_t *words)
{
    for (int i = 0; i < words->nelts; i++)
        proxy_say(text, "acl %s %s\n", acl, APR_ARRAY_IDX(words, i, const char *));
}

void proxy_say_odd_paths(struct proxy_text *text)
{
    proxy_say(
        text,
        "# Servers fold these away before they look who may see the result: they "
        "must not reach them. (A\n# backslash at the end would join the next line "
        "to this one.)\n"
        "acl replica_odd_paths urlpath_regex -i \\\\ /\\.\\.?([/;?]|$) // %%2e %%2f "
        "%%5c %%00\n");
}

static void say_disk(struct proxy_text *text)
{
    const struct proxy_options *options = text->options;

    if (options->disk == NULL)
        proxy_say(text,
                  "# With a disk (--disk) much more is kept; `squid -z` prepares it:\n"
                  "# cache_dir ufs /var/spool/squid 50000 16 256\n");
    else if (options->workers > 1)
        proxy_say(text,
                  "# Workers share a store of this kind only.\n"
                  "cache_dir rock %s %" APR_INT64_T_FMT "\n",
                  options->disk, options->disk_megabytes);
    else
        proxy_say(text,
                  "# `squid -z` prepares it.\n"
                  "cache_dir ufs %s %" APR_INT64_T_FMT " 16 256\n",
                  options->disk, options->disk_megabytes);
}

void proxy_say_storage(struct proxy_text *text)
{
    const struct proxy_options *options = text->options;
    bool keeps_objects = proxy_options_keep_objects(options);

    proxy_say(text, "cache_mem %" APR_INT64_T_FMT " MB\n", options->memory_megabytes);
    if (!keeps_objects) {
        proxy_say(text, "maximum_object_size_in_memory %d KB\n", HOT_KILOBYTES);
        return;
    }
    proxy_say(text, options->disk != NULL
                        ? "# What is larger is read from the disk.\n"
                        : "# Chunks of files are smaller than this; larger ones of old "
                          "repositories are not kept.\n");
    proxy_say(text, "maximum_object_size_in_memory %d KB\n",
              options->disk != NULL ? HOT_KILOBYTES : IN_MEMORY_KILOBYTES);
    proxy_say(
        text,
        "# Catalogs of large repositories have hundreds of megabytes. This line has to "
        "stand before\n# cache_dir.\n"
        "maximum_object_size %d MB\n",
        LARGEST_MEGABYTES);
    say_disk(text);
}

static void say_head(struct proxy_text *text)
{
    bool is_site = text->options->kind == PROXY_SITE;
    const char *kind = is_site ? "site-proxy" : "accelerator";

    proxy_say(text,
              is_site
                  ? "# Squid as the forward proxy of a site, for clients of replicas: "
                    "objects are kept.\n"
                  : "# Squid in front of httpd with mod_replica.\n");
    proxy_say(
        text,
        "#\n# `replicactl proxy-config %s%s` prints this file, and one for any other "
        "host.\n"
        "# Install as /etc/squid/squid.conf, or include it there after removing the "
        "distribution's\n# http_port and http_access lines. `squid -k parse` must "
        "be silent.\n",
        kind, text->options->words);
}

static void say_workers(struct proxy_text *text)
{
    if (text->options->workers == 1)
        return;
    proxy_say(text,
              "\n# Processes that share ports and memory; each has helpers of its own.\n"
              "workers %" APR_INT64_T_FMT "\n",
              text->options->workers);
}

/* Squid knows itself in Via by its name. */
static void say_name(struct proxy_text *text)
{
    proxy_say(text, "\n# Squids of one name, one behind the other, take each other for a "
                    "loop. Without this line it is the\n# host's.\n");
    if (text->options->name != NULL)
        proxy_say(text, "visible_hostname %s\n", text->options->name);
    else
        proxy_say(text, "# visible_hostname s1.example.org\n");
}

static void say_end(struct proxy_text *text)
{
    proxy_say(
        text,
        "\n# Clients hold their connections.\n"
        "max_filedescriptors 16384\n"
        "# The default of 30 seconds stands in the way of restarts.\n"
        "shutdown_lifetime 5 seconds\n"
        "# No neighbours, no measurements of them: the keys of StoreID mean nothing to "
        "others.\n"
        "icp_port 0\n"
        "pinger_enable off\n"
        "\n# After the usual fields: what was asked for, of which repository, the line "
        "of the policy that\n# decided, the key it is kept by, and the lines that "
        "rewrote it. `replicactl proxy-log` reads it.\n"
        "logformat replica %%>a %%ui %%un [%%tl] \"%%rm %%>ru HTTP/%%rv\" %%>Hs %%<st "
        "\"%%{User-Agent}>h\" %%Ss:%%Sh %%tr %%{kind_}note %%{repository_}note "
        "%%{line_}note %%{store_id_}note %%{rewrite_}note\n"
        "access_log stdio:/var/log/squid/access.log replica\n");
}

const char *proxy_configuration_format(const struct proxy_options *options,
                                       const struct proxy_needs *needs, apr_pool_t *pool)
{
    struct proxy_text text = {.options = options,
                              .needs = needs,
                              .parts = apr_array_make(pool, 64, sizeof(char *)),
                              .pool = pool};

    say_head(&text);
    if (options->kind == PROXY_SITE)
        proxy_say_site(&text);
    else
        proxy_say_accelerator(&text);
    proxy_say_store_id(&text);
    proxy_say_rewrite(&text);
    say_workers(&text);
    say_name(&text);
    say_end(&text);
    return apr_array_pstrcat(pool, text.parts, '\0');
}
