# Benches: ratios measured in one run.
EXTRA_DIST += %D%/bench_serve \
	%D%/httpd-plain.conf.in %D%/httpd-replica.conf.in %D%/nginx.conf.in
bench-serve: all
	REPLICA_BUILD='$(abs_top_builddir)' $(srcdir)/%D%/bench_serve
.PHONY: bench-serve
