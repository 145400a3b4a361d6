# Benches: ratios measured in one run.
EXTRA_DIST += %D%/bench_distance %D%/bench_events %D%/bench_gc %D%/bench_geo %D%/bench_helpers %D%/bench_publish %D%/bench_scale %D%/bench_serve \
	%D%/bench_snapshot %D%/bench_squid %D%/bench_upload %D%/make_tree %D%/snapshots.py \
	%D%/httpd-plain.conf.in %D%/httpd-replica.conf.in %D%/nginx.conf.in
# Tests make distance with it, too.
noinst_PROGRAMS += %D%/delay_relay
EXTRA_PROGRAMS += %D%/constant_helper %D%/make_gc_tree %D%/object_generator %D%/publish_floor %D%/snapshot_floor %D%/upload_floor
%C%_upload_floor_SOURCES = %D%/upload_floor.c
%C%_upload_floor_LDADD = $(DATA_LIBS)
%C%_publish_floor_SOURCES = %D%/publish_floor.c
%C%_publish_floor_LDADD = $(DATA_LIBS)
%C%_delay_relay_SOURCES = %D%/delay_relay.c
%C%_constant_helper_SOURCES = %D%/constant_helper.c
%C%_make_gc_tree_SOURCES = %D%/make_gc_tree.c
%C%_make_gc_tree_LDADD = $(DATA_LIBS) $(ZLIB_LIBS)
%C%_object_generator_SOURCES = %D%/object_generator.c
%C%_object_generator_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
%C%_object_generator_LDADD = $(CRYPTO_LIBS)
%C%_snapshot_floor_SOURCES = %D%/snapshot_floor.c
%C%_snapshot_floor_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
%C%_snapshot_floor_LDADD = $(CURL_LIBS) $(CRYPTO_LIBS)
EXTRA_LTLIBRARIES = %D%/mod_constant.la
%C%_mod_constant_la_SOURCES = %D%/mod_constant.c
%C%_mod_constant_la_CPPFLAGS = $(AM_CPPFLAGS) $(HTTPD_CPPFLAGS)
%C%_mod_constant_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
CLEANFILES += %D%/constant_helper %D%/make_gc_tree %D%/mod_constant.la %D%/object_generator %D%/publish_floor %D%/snapshot_floor %D%/upload_floor
bench: bench-events bench-snapshot bench-distance bench-scale bench-gc bench-publish bench-serve bench-geo bench-helpers bench-squid bench-upload
bench-snapshot: all %D%/snapshot_floor tests/integration/publish_tool
	$(srcdir)/%D%/bench_snapshot --build '$(abs_top_builddir)'
bench-distance: all %D%/snapshot_floor tests/integration/publish_tool
	$(srcdir)/%D%/bench_distance --build '$(abs_top_builddir)'
bench-scale: all %D%/object_generator tests/integration/publish_tool
	$(srcdir)/%D%/bench_scale --build '$(abs_top_builddir)'
bench-gc: all %D%/make_gc_tree
	$(srcdir)/%D%/bench_gc --build '$(abs_top_builddir)'
bench-publish: all %D%/publish_floor tests/integration/publish_tool
	$(srcdir)/%D%/bench_publish --build '$(abs_top_builddir)'
bench-events: all
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_events
bench-upload: all %D%/upload_floor
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_upload
bench-serve: all
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_serve
bench-geo: all %D%/mod_constant.la
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_geo
bench-helpers: all
	$(srcdir)/%D%/bench_helpers --build '$(abs_top_builddir)'
bench-squid: all %D%/constant_helper %D%/mod_constant.la
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_squid
.PHONY: bench bench-events bench-helpers bench-distance bench-gc bench-geo bench-publish bench-scale bench-serve bench-snapshot bench-squid bench-upload
