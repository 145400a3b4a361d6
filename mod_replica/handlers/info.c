/* SPDX-License-Identifier: Apache-2.0 */
/* /cvmfs/info/v1/: what this server holds and who runs it. */
#include "mod_replica/handlers/handlers.h"
#include "mod_replica/reply.h"

int handle_info(request_rec *r, const struct replica_request *request)
{
    const struct settings *settings = request->config->settings;
    struct store_read file;
    struct error error;

    if (settings_boolean(settings, SETTING_CORS))
        reply_allow_any_origin(r);
    if (!store_read_info(&file, settings_text(settings, SETTING_STORAGE_DIR),
                         request->path.file_name, &error))
        return reply_error(r, &error, &reply_json);
    return reply_file(r, &file, &reply_json);
}
