/* SPDX-License-Identifier: Apache-2.0 */
/* How an origin is reached, as the configuration says. */
#include "libreplica/operate/origin_options.h"

struct fetcher_options origin_options(const struct settings *settings,
                                      const volatile int *stop)
{
    return (struct fetcher_options){
        .connections = 1,
        .timeout_seconds = (int)settings_number(settings, SETTING_HTTP_TIMEOUT),
        .retries = (int)settings_number(settings, SETTING_HTTP_RETRIES),
        .proxy = settings_text(settings, SETTING_HTTP_PROXY),
        .ca_bundle = settings_text(settings, SETTING_CERT_BUNDLE),
        .follow_redirects = settings_boolean(settings, SETTING_FOLLOW_REDIRECTS),
        .stop = stop,
    };
}
