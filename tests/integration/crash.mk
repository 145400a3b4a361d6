# What the tests of crashes preload and run.
noinst_LTLIBRARIES += %D%/power_cut_shim.la
%C%_power_cut_shim_la_SOURCES = %D%/power_cut_shim.c
# Preloaded into a program that may have sanitizers, it must have none of its own.
%C%_power_cut_shim_la_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS)
%C%_power_cut_shim_la_LDFLAGS = -module -shared -avoid-version -rpath /nowhere
# Our locks beside the reference's.
noinst_PROGRAMS += %D%/lock_tool
%C%_lock_tool_SOURCES = %D%/lock_tool.c
%C%_lock_tool_LDADD = $(DATA_LIBS)
noinst_LTLIBRARIES += %D%/kill_shim.la
%C%_kill_shim_la_SOURCES = %D%/kill_shim.c
%C%_kill_shim_la_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS)
%C%_kill_shim_la_LDFLAGS = -module -shared -avoid-version -rpath /nowhere
noinst_LTLIBRARIES += %D%/hold_shim.la
%C%_hold_shim_la_SOURCES = %D%/hold_shim.c
%C%_hold_shim_la_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS)
%C%_hold_shim_la_LDFLAGS = -module -shared -avoid-version -rpath /nowhere
# What operators' rules for syslog see.
noinst_LTLIBRARIES += %D%/syslog_shim.la
%C%_syslog_shim_la_SOURCES = %D%/syslog_shim.c
%C%_syslog_shim_la_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS)
%C%_syslog_shim_la_LDFLAGS = -module -shared -avoid-version -rpath /nowhere
# What finds use of memory whose pool is gone.
noinst_LTLIBRARIES += %D%/pool_shim.la
%C%_pool_shim_la_SOURCES = %D%/pool_shim.c
%C%_pool_shim_la_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(APR_CFLAGS) $(WARNINGS)
%C%_pool_shim_la_LDFLAGS = -module -shared -avoid-version -rpath /nowhere
%C%_pool_shim_la_LIBADD = $(APR_LIBS)
