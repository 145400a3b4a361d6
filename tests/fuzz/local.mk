# Fuzz targets. In `make check` each replays its corpus, corpus/<format>/, under replay.c;
# with --enable-fuzzing (CC=clang) the same files become libFuzzer programs.
FUZZ_TARGETS = \
	%D%/fuzz_access \
	%D%/fuzz_activity \
	%D%/fuzz_event_stream \
	%D%/fuzz_catalog \
	%D%/fuzz_certificate \
	%D%/fuzz_chunker \
	%D%/fuzz_date \
	%D%/fuzz_gc_line \
	%D%/fuzz_message \
	%D%/fuzz_missing_report \
	%D%/fuzz_geo_database \
	%D%/fuzz_geo_order \
	%D%/fuzz_geo_request \
	%D%/fuzz_helper \
	%D%/fuzz_history \
	%D%/fuzz_inflate \
	%D%/fuzz_manifest \
	%D%/fuzz_multipart \
	%D%/fuzz_object \
	%D%/fuzz_partial_rules \
	%D%/fuzz_policy_rules \
	%D%/fuzz_proxy_log \
	%D%/fuzz_reflog \
	%D%/fuzz_request_path \
	%D%/fuzz_rewrite_rules \
	%D%/fuzz_settings \
	%D%/fuzz_store_rules \
	%D%/fuzz_upload_path \
	%D%/fuzz_whitelist \
	%D%/fuzz_xattr_blob
FUZZ_LIBS = $(DATA_LIBS)
EXTRA_DIST += %D%/run
FUZZ_COMMON = %D%/fuzz.h %D%/fuzz_file.c
if FUZZING
noinst_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_LINKING = $(AM_LDFLAGS) -fsanitize=fuzzer
FUZZ_MAIN =
else
check_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_LINKING = $(AM_LDFLAGS)
FUZZ_MAIN = %D%/replay.c
endif
%C%_fuzz_access_SOURCES = %D%/fuzz_access.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_access_LDADD = $(FUZZ_LIBS)
%C%_fuzz_access_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_event_stream_SOURCES = %D%/fuzz_event_stream.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_event_stream_LDADD = $(FUZZ_LIBS)
%C%_fuzz_event_stream_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_activity_SOURCES = %D%/fuzz_activity.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_activity_LDADD = $(FUZZ_LIBS)
%C%_fuzz_activity_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_catalog_SOURCES = %D%/fuzz_catalog.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_catalog_LDADD = $(FUZZ_LIBS)
%C%_fuzz_catalog_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_certificate_SOURCES = %D%/fuzz_certificate.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_certificate_LDADD = $(FUZZ_LIBS)
%C%_fuzz_certificate_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_chunker_SOURCES = %D%/fuzz_chunker.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_chunker_LDADD = $(FUZZ_LIBS)
%C%_fuzz_chunker_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_date_SOURCES = %D%/fuzz_date.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_date_LDADD = $(FUZZ_LIBS)
%C%_fuzz_date_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_geo_database_SOURCES = %D%/fuzz_geo_database.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_geo_database_LDADD = $(FUZZ_LIBS)
%C%_fuzz_geo_database_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_geo_order_SOURCES = %D%/fuzz_geo_order.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_geo_order_LDADD = $(FUZZ_LIBS)
%C%_fuzz_geo_order_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_geo_request_SOURCES = %D%/fuzz_geo_request.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_geo_request_LDADD = $(FUZZ_LIBS)
%C%_fuzz_geo_request_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_helper_SOURCES = %D%/fuzz_helper.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_helper_LDADD = libreplica-helper.la $(FUZZ_LIBS)
%C%_fuzz_helper_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_history_SOURCES = %D%/fuzz_history.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_history_LDADD = $(FUZZ_LIBS)
%C%_fuzz_history_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_inflate_SOURCES = %D%/fuzz_inflate.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_inflate_LDADD = $(FUZZ_LIBS)
%C%_fuzz_inflate_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_manifest_SOURCES = %D%/fuzz_manifest.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_manifest_LDADD = $(FUZZ_LIBS)
%C%_fuzz_manifest_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_gc_line_SOURCES = %D%/fuzz_gc_line.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_gc_line_LDADD = $(WORK_LIBS)
%C%_fuzz_gc_line_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_message_SOURCES = %D%/fuzz_message.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_message_LDADD = $(FUZZ_LIBS)
%C%_fuzz_message_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_missing_report_SOURCES = %D%/fuzz_missing_report.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_missing_report_LDADD = $(FUZZ_LIBS)
%C%_fuzz_missing_report_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_multipart_SOURCES = %D%/fuzz_multipart.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_multipart_LDADD = $(FUZZ_LIBS)
%C%_fuzz_multipart_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_object_SOURCES = %D%/fuzz_object.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_object_LDADD = $(FUZZ_LIBS)
%C%_fuzz_object_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_partial_rules_SOURCES = %D%/fuzz_partial_rules.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_partial_rules_LDADD = $(FUZZ_LIBS)
%C%_fuzz_partial_rules_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_policy_rules_SOURCES = %D%/fuzz_policy_rules.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_policy_rules_LDADD = $(FUZZ_LIBS)
%C%_fuzz_policy_rules_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_proxy_log_SOURCES = %D%/fuzz_proxy_log.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_proxy_log_LDADD = $(FUZZ_LIBS)
%C%_fuzz_proxy_log_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_reflog_SOURCES = %D%/fuzz_reflog.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_reflog_LDADD = $(FUZZ_LIBS)
%C%_fuzz_reflog_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_request_path_SOURCES = %D%/fuzz_request_path.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_request_path_LDADD = $(FUZZ_LIBS)
%C%_fuzz_request_path_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_rewrite_rules_SOURCES = %D%/fuzz_rewrite_rules.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_rewrite_rules_LDADD = $(FUZZ_LIBS)
%C%_fuzz_rewrite_rules_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_settings_SOURCES = %D%/fuzz_settings.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_settings_LDADD = $(FUZZ_LIBS)
%C%_fuzz_settings_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_store_rules_SOURCES = %D%/fuzz_store_rules.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_store_rules_LDADD = $(FUZZ_LIBS)
%C%_fuzz_store_rules_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_upload_path_SOURCES = %D%/fuzz_upload_path.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_upload_path_LDADD = $(FUZZ_LIBS)
%C%_fuzz_upload_path_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_whitelist_SOURCES = %D%/fuzz_whitelist.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_whitelist_LDADD = $(FUZZ_LIBS)
%C%_fuzz_whitelist_LDFLAGS = $(FUZZ_LINKING)
%C%_fuzz_xattr_blob_SOURCES = %D%/fuzz_xattr_blob.c $(FUZZ_COMMON) $(FUZZ_MAIN)
%C%_fuzz_xattr_blob_LDADD = $(FUZZ_LIBS)
%C%_fuzz_xattr_blob_LDFLAGS = $(FUZZ_LINKING)
EXTRA_DIST += %D%/corpus
