# Documents.
EXTRA_DIST += %D%/socket.md %D%/upload.md %D%/decisions/0016-hashes-of-uploads.md
EXTRA_DIST += %D%/requests.md %D%/events.md %D%/index.md %D%/architecture.md %D%/formats.md %D%/operating.md \
	%D%/complaints.md %D%/squid.md %D%/testing.md \
	%D%/images/status.png \
	%D%/decisions/0001-errors-by-value.md \
	%D%/decisions/0002-no-history-in-snapshots.md \
	%D%/decisions/0003-dirty-marker.md \
	%D%/decisions/0004-one-thread-per-snapshot.md \
	%D%/decisions/0005-local-clients-behind-a-proxy.md \
	%D%/decisions/0006-names-for-the-geo-api.md \
	%D%/decisions/0007-updates-of-the-geo-database.md \
	%D%/decisions/0008-connections-to-an-origin.md \
	%D%/decisions/0009-objects-that-should-exist.md \
	%D%/decisions/0010-several-upstreams.md \
	%D%/decisions/0011-helpers-and-who-watches-them.md \
	%D%/decisions/0012-geo-answers-shared-by-place.md \
	%D%/decisions/0013-the-event-log.md \
	%D%/decisions/0014-another-compressor.md \
	%D%/decisions/0015-the-event-stream.md
dist_man_MANS += %D%/man/replica.conf.5 %D%/man/replicactl.8 %D%/man/snapshotd.8 \
	%D%/man/replica-policy.8 %D%/man/replica-policy.conf.5 \
	%D%/man/replica-store-id.8 %D%/man/replica-store-id.conf.5 \
	%D%/man/replica-rewrite.8 %D%/man/replica-rewrite.conf.5
