# Benches: ratios measured in one run.
EXTRA_DIST += %D%/bench_serve %D%/bench_snapshot %D%/make_tree \
	%D%/httpd-plain.conf.in %D%/httpd-replica.conf.in %D%/nginx.conf.in
EXTRA_PROGRAMS += %D%/snapshot_floor
%C%_snapshot_floor_SOURCES = %D%/snapshot_floor.c
%C%_snapshot_floor_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
%C%_snapshot_floor_LDADD = $(CURL_LIBS) $(CRYPTO_LIBS)
CLEANFILES += %D%/snapshot_floor
bench: bench-snapshot bench-serve
bench-snapshot: all %D%/snapshot_floor tests/integration/publish_tool
	$(srcdir)/%D%/bench_snapshot --build '$(abs_top_builddir)'
bench-serve: all
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_serve
.PHONY: bench bench-serve bench-snapshot
