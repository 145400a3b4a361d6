/* SPDX-License-Identifier: Apache-2.0 */
/* /robots.txt: nothing here is for crawlers. */
#include "mod_replica/handlers/handlers.h"
#include "mod_replica/reply.h"

int handle_robots(request_rec *r, const struct replica_request *request)
{
    return reply_text(r, "User-agent: *\nDisallow: /\n", &reply_robots);
}
