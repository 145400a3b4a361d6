/* SPDX-License-Identifier: Apache-2.0 */
/* For how long readers of a Stratum 0 may need what is no longer current. */
#include "libreplica/operate/gc_grace.h"

#define LIVES 3

void gc_keep_grace(struct gc_keep *keep, const struct settings *settings,
                   const struct manifest *manifest, apr_time_t now)
{
    int64_t seconds = settings_is_set(settings, SETTING_GC_GRACE)
                          ? settings_number(settings, SETTING_GC_GRACE)
                          : LIVES * manifest->ttl_seconds;

    keep->in_use_since_seconds = seconds > 0 ? apr_time_sec(now) - seconds : 0;
}
