/* SPDX-License-Identifier: Apache-2.0 */
/* The floor for answers out of memory: a handler that sends the same text to everybody.
 */
#include <string.h>
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

static const char text[] = "1,2,3,4,5\n";

static int answer(request_rec *r)
{
    apr_bucket_brigade *brigade;

    if (r->handler == NULL || strcmp(r->handler, "constant") != 0)
        return DECLINED;
    brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    ap_set_content_type(r, "text/plain");
    ap_set_content_length(r, sizeof(text) - 1);
    apr_table_setn(r->headers_out, "Cache-Control", "max-age=3600");
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_immortal_create(text, sizeof(text) - 1,
                                                                brigade->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(brigade->bucket_alloc));
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

/* No file is looked for, as little as mod_replica does. */
static int stop_if_ours(request_rec *r)
{
    return r->handler != NULL && strcmp(r->handler, "constant") == 0 ? OK : DECLINED;
}

static int translate(request_rec *r)
{
    r->filename = r->uri;
    r->handler = "constant";
    return OK;
}

static void register_hooks(apr_pool_t *pool)
{
    ap_hook_translate_name(translate, NULL, NULL, APR_HOOK_LAST);
    ap_hook_map_to_storage(stop_if_ours, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_type_checker(stop_if_ours, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(answer, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(constant) = {
    STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, register_hooks,
};
