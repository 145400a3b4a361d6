# One cmocka program per library file.
UNIT_LIBS = $(DATA_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += %D%/test_stratum0_configuration %D%/test_content %D%/test_publish %D%/test_catalog_editor %D%/test_chunker %D%/test_compress %D%/test_xattr_blob
check_PROGRAMS += %D%/test_fetch
%C%_test_fetch_SOURCES = %D%/test_fetch.c %D%/unit.h
%C%_test_fetch_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += %D%/test_partial_rules
%C%_test_partial_rules_SOURCES = %D%/test_partial_rules.c %D%/unit.h
%C%_test_partial_rules_LDADD = $(UNIT_LIBS)
%C%_test_catalog_editor_SOURCES = %D%/test_catalog_editor.c %D%/unit.h
%C%_test_catalog_editor_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
%C%_test_stratum0_configuration_SOURCES = %D%/test_stratum0_configuration.c %D%/unit.h
%C%_test_stratum0_configuration_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_content_SOURCES = %D%/test_content.c %D%/unit.h
%C%_test_content_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_publish_SOURCES = %D%/test_publish.c %D%/unit.h
%C%_test_publish_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_chunker_SOURCES = %D%/test_chunker.c %D%/unit.h
%C%_test_chunker_LDADD = $(UNIT_LIBS)
%C%_test_compress_SOURCES = %D%/test_compress.c %D%/unit.h
%C%_test_compress_LDADD = $(UNIT_LIBS)
%C%_test_xattr_blob_SOURCES = %D%/test_xattr_blob.c %D%/unit.h
%C%_test_xattr_blob_LDADD = $(UNIT_LIBS)
check_PROGRAMS += \
	%D%/test_date %D%/test_hash %D%/test_lock %D%/test_settings %D%/test_text
check_PROGRAMS += %D%/test_dirtab
%C%_test_dirtab_SOURCES = %D%/test_dirtab.c %D%/unit.h
%C%_test_dirtab_LDADD = $(UNIT_LIBS)
check_PROGRAMS += %D%/test_catalog_balance
%C%_test_catalog_balance_SOURCES = %D%/test_catalog_balance.c %D%/unit.h
%C%_test_catalog_balance_LDADD = $(UNIT_LIBS)
check_PROGRAMS += %D%/test_catalog_changes
%C%_test_catalog_changes_SOURCES = %D%/test_catalog_changes.c %D%/unit.h
%C%_test_catalog_changes_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
# libreplica/format
MAKER = %D%/database_maker.c %D%/database_maker.h
check_PROGRAMS += \
	%D%/test_catalog %D%/test_history %D%/test_inflate %D%/test_manifest \
	%D%/test_reflog %D%/test_signature %D%/test_whitelist
%C%_test_catalog_SOURCES = %D%/test_catalog.c %D%/unit.h $(MAKER)
%C%_test_catalog_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
%C%_test_history_SOURCES = %D%/test_history.c %D%/unit.h $(MAKER)
%C%_test_history_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
%C%_test_inflate_SOURCES = %D%/test_inflate.c %D%/unit.h $(MAKER)
%C%_test_inflate_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS) $(ZLIB_LIBS)
%C%_test_reflog_SOURCES = %D%/test_reflog.c %D%/unit.h $(MAKER)
%C%_test_reflog_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
%C%_test_manifest_SOURCES = %D%/test_manifest.c %D%/unit.h
%C%_test_manifest_LDADD = $(UNIT_LIBS)
%C%_test_signature_SOURCES = %D%/test_signature.c %D%/unit.h
%C%_test_signature_LDADD = $(UNIT_LIBS) $(CRYPTO_LIBS)
%C%_test_whitelist_SOURCES = %D%/test_whitelist.c %D%/unit.h
%C%_test_whitelist_LDADD = $(UNIT_LIBS)
%C%_test_date_SOURCES = %D%/test_date.c %D%/unit.h
%C%_test_date_LDADD = $(UNIT_LIBS)
%C%_test_hash_SOURCES = %D%/test_hash.c %D%/unit.h
%C%_test_hash_LDADD = $(UNIT_LIBS)
%C%_test_lock_SOURCES = %D%/test_lock.c %D%/unit.h
%C%_test_lock_LDADD = $(UNIT_LIBS)
%C%_test_settings_SOURCES = %D%/test_settings.c %D%/unit.h
%C%_test_settings_LDADD = $(UNIT_LIBS)
%C%_test_text_SOURCES = %D%/test_text.c %D%/unit.h
%C%_test_text_LDADD = $(UNIT_LIBS)
check_PROGRAMS += %D%/test_dirty_marker %D%/test_store
%C%_test_dirty_marker_SOURCES = %D%/test_dirty_marker.c %D%/unit.h
%C%_test_dirty_marker_LDADD = $(UNIT_LIBS)
%C%_test_store_SOURCES = %D%/test_store.c %D%/unit.h
%C%_test_store_LDADD = $(UNIT_LIBS)
# URLs and repository configuration
check_PROGRAMS += %D%/test_repository %D%/test_request_path %D%/test_store_read
%C%_test_repository_SOURCES = %D%/test_repository.c %D%/unit.h
%C%_test_repository_LDADD = $(UNIT_LIBS)
%C%_test_request_path_SOURCES = %D%/test_request_path.c %D%/unit.h
%C%_test_request_path_LDADD = $(UNIT_LIBS)
%C%_test_store_read_SOURCES = %D%/test_store_read.c %D%/unit.h
%C%_test_store_read_LDADD = $(UNIT_LIBS)
# Files beside the trees, and what the administrator's verbs write
check_PROGRAMS += %D%/test_configuration_line %D%/test_file
%C%_test_configuration_line_SOURCES = %D%/test_configuration_line.c %D%/unit.h
%C%_test_configuration_line_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_file_SOURCES = %D%/test_file.c %D%/unit.h
%C%_test_file_LDADD = $(UNIT_LIBS)
# libreplica/operate, snapshotd
check_PROGRAMS += %D%/test_replica_list %D%/test_run_log %D%/test_schedule %D%/test_status
%C%_test_replica_list_SOURCES = %D%/test_replica_list.c %D%/unit.h
%C%_test_replica_list_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_run_log_SOURCES = %D%/test_run_log.c %D%/unit.h
%C%_test_run_log_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_schedule_SOURCES = %D%/test_schedule.c %D%/unit.h snapshotd/schedule.c snapshotd/schedule.h
%C%_test_schedule_LDADD = $(UNIT_LIBS)
%C%_test_status_SOURCES = %D%/test_status.c %D%/unit.h
%C%_test_status_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += %D%/test_error
%C%_test_error_SOURCES = %D%/test_error.c %D%/unit.h
%C%_test_error_LDADD = $(UNIT_LIBS)
check_PROGRAMS += %D%/test_database_paths
%C%_test_database_paths_SOURCES = %D%/test_database_paths.c %D%/unit.h
%C%_test_database_paths_LDADD = $(UNIT_LIBS)
# The geo API
check_PROGRAMS += %D%/test_address %D%/test_current_database %D%/test_geo_database %D%/test_geo_request %D%/test_order
MMDB_MAKER = %D%/mmdb_maker.c %D%/mmdb_maker.h
%C%_test_current_database_SOURCES = %D%/test_current_database.c %D%/unit.h $(MMDB_MAKER)
%C%_test_current_database_LDADD = $(UNIT_LIBS)
%C%_test_geo_database_SOURCES = %D%/test_geo_database.c %D%/unit.h $(MMDB_MAKER)
%C%_test_geo_database_LDADD = $(UNIT_LIBS)
%C%_test_address_SOURCES = %D%/test_address.c %D%/unit.h
%C%_test_address_LDADD = $(UNIT_LIBS)
%C%_test_geo_request_SOURCES = %D%/test_geo_request.c %D%/unit.h
%C%_test_geo_request_LDADD = $(UNIT_LIBS)
%C%_test_order_SOURCES = %D%/test_order.c %D%/unit.h
%C%_test_order_LDADD = $(UNIT_LIBS) -lm
# Names for the geo API
check_PROGRAMS += %D%/test_hosts_file %D%/test_name_cache %D%/test_siphash
%C%_test_hosts_file_SOURCES = %D%/test_hosts_file.c %D%/unit.h
%C%_test_hosts_file_LDADD = $(UNIT_LIBS)
%C%_test_name_cache_SOURCES = %D%/test_name_cache.c %D%/unit.h
%C%_test_name_cache_LDADD = $(UNIT_LIBS)
%C%_test_siphash_SOURCES = %D%/test_siphash.c %D%/unit.h
%C%_test_siphash_LDADD = $(UNIT_LIBS) $(CRYPTO_LIBS)
# The geo database's update
check_PROGRAMS += %D%/test_geo_archive %D%/test_geo_slot %D%/test_geo_source
%C%_test_geo_archive_SOURCES = %D%/test_geo_archive.c %D%/unit.h
%C%_test_geo_archive_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS) $(ARCHIVE_LIBS)
%C%_test_geo_slot_SOURCES = %D%/test_geo_slot.c %D%/unit.h
%C%_test_geo_slot_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_geo_source_SOURCES = %D%/test_geo_source.c %D%/unit.h
%C%_test_geo_source_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
# Garbage collection
check_PROGRAMS += %D%/test_date_phrase %D%/test_gc_journal %D%/test_gc_keep %D%/test_sorted_records
%C%_test_gc_journal_SOURCES = %D%/test_gc_journal.c %D%/unit.h
%C%_test_gc_journal_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_gc_keep_SOURCES = %D%/test_gc_keep.c %D%/unit.h
%C%_test_gc_keep_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_date_phrase_SOURCES = %D%/test_date_phrase.c %D%/unit.h
%C%_test_date_phrase_LDADD = $(UNIT_LIBS)
%C%_test_sorted_records_SOURCES = %D%/test_sorted_records.c %D%/unit.h
%C%_test_sorted_records_LDADD = $(UNIT_LIBS)
# Replication
check_PROGRAMS += %D%/test_object_window
%C%_test_object_window_SOURCES = %D%/test_object_window.c %D%/unit.h
%C%_test_object_window_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
# Fetching
check_PROGRAMS += %D%/test_circuit_breaker %D%/test_connection_limit
%C%_test_circuit_breaker_SOURCES = %D%/test_circuit_breaker.c %D%/unit.h
%C%_test_circuit_breaker_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
%C%_test_connection_limit_SOURCES = %D%/test_connection_limit.c %D%/unit.h
%C%_test_connection_limit_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
# The status of a server
check_PROGRAMS += %D%/test_snapshot_history
%C%_test_snapshot_history_SOURCES = %D%/test_snapshot_history.c %D%/unit.h
%C%_test_snapshot_history_LDADD = $(UNIT_LIBS)
# Scrub
check_PROGRAMS += %D%/test_missing_report %D%/test_pace %D%/test_scrub_plan
%C%_test_missing_report_SOURCES = %D%/test_missing_report.c %D%/unit.h
%C%_test_missing_report_LDADD = $(UNIT_LIBS)
%C%_test_pace_SOURCES = %D%/test_pace.c %D%/unit.h
%C%_test_pace_LDADD = $(UNIT_LIBS)
%C%_test_scrub_plan_SOURCES = %D%/test_scrub_plan.c %D%/unit.h \
	snapshotd/scrub_plan.c snapshotd/scrub_plan.h
%C%_test_scrub_plan_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += %D%/test_sign_plan
%C%_test_sign_plan_SOURCES = %D%/test_sign_plan.c %D%/unit.h \
	snapshotd/sign_plan.c snapshotd/sign_plan.h
%C%_test_sign_plan_LDADD = $(WORK_LIBS) $(CMOCKA_LIBS)
# Lines of rewriting, of logs
check_PROGRAMS += %D%/test_proxy_log %D%/test_rewrite_rules
%C%_test_proxy_log_SOURCES = %D%/test_proxy_log.c %D%/unit.h
%C%_test_proxy_log_LDADD = $(UNIT_LIBS)
%C%_test_rewrite_rules_SOURCES = %D%/test_rewrite_rules.c %D%/unit.h
%C%_test_rewrite_rules_LDADD = $(UNIT_LIBS)
# Rules of a policy, Squid helpers
check_PROGRAMS += %D%/test_authority %D%/test_glob %D%/test_rule_lines %D%/test_policy_query %D%/test_policy_rules \
	%D%/test_helper_line %D%/test_helper_exchange
%C%_test_authority_SOURCES = %D%/test_authority.c %D%/unit.h
%C%_test_authority_LDADD = $(UNIT_LIBS)
%C%_test_glob_SOURCES = %D%/test_glob.c %D%/unit.h
%C%_test_glob_LDADD = $(UNIT_LIBS)
%C%_test_rule_lines_SOURCES = %D%/test_rule_lines.c %D%/unit.h
%C%_test_rule_lines_LDADD = $(UNIT_LIBS)
%C%_test_policy_query_SOURCES = %D%/test_policy_query.c %D%/unit.h
%C%_test_policy_query_LDADD = $(UNIT_LIBS)
%C%_test_policy_rules_SOURCES = %D%/test_policy_rules.c %D%/unit.h
%C%_test_policy_rules_LDADD = $(UNIT_LIBS)
%C%_test_helper_line_SOURCES = %D%/test_helper_line.c %D%/unit.h
%C%_test_helper_line_LDADD = libreplica-helper.la $(UNIT_LIBS)
%C%_test_helper_exchange_SOURCES = %D%/test_helper_exchange.c %D%/unit.h
%C%_test_helper_exchange_LDADD = libreplica-helper.la $(UNIT_LIBS)
# What a cache keeps once
check_PROGRAMS += %D%/test_store_request %D%/test_store_rules
%C%_test_store_request_SOURCES = %D%/test_store_request.c %D%/unit.h
%C%_test_store_request_LDADD = $(UNIT_LIBS)
%C%_test_store_rules_SOURCES = %D%/test_store_rules.c %D%/unit.h
%C%_test_store_rules_LDADD = $(UNIT_LIBS)
# Uploads
check_PROGRAMS += %D%/test_access %D%/test_expiry %D%/test_message %D%/test_multipart %D%/test_upload_path
%C%_test_access_SOURCES = %D%/test_access.c %D%/unit.h
%C%_test_access_LDADD = $(UNIT_LIBS)
# Events
check_PROGRAMS += %D%/test_activity %D%/test_event_log
%C%_test_activity_SOURCES = %D%/test_activity.c %D%/unit.h
%C%_test_activity_LDADD = $(UNIT_LIBS)
%C%_test_event_log_SOURCES = %D%/test_event_log.c %D%/unit.h
%C%_test_event_log_LDADD = $(UNIT_LIBS) $(SQLITE_LIBS)
check_PROGRAMS += %D%/test_event_stream
%C%_test_event_stream_SOURCES = %D%/test_event_stream.c %D%/unit.h
%C%_test_event_stream_LDADD = $(UNIT_LIBS)
%C%_test_expiry_SOURCES = %D%/test_expiry.c %D%/unit.h
%C%_test_expiry_LDADD = $(UNIT_LIBS)
%C%_test_message_SOURCES = %D%/test_message.c %D%/unit.h
%C%_test_message_LDADD = $(UNIT_LIBS)
%C%_test_multipart_SOURCES = %D%/test_multipart.c %D%/unit.h
%C%_test_multipart_LDADD = $(UNIT_LIBS)
%C%_test_upload_path_SOURCES = %D%/test_upload_path.c %D%/unit.h
%C%_test_upload_path_LDADD = $(UNIT_LIBS)
check_PROGRAMS += %D%/test_hint_plan
%C%_test_hint_plan_SOURCES = %D%/test_hint_plan.c %D%/unit.h snapshotd/hint_plan.c snapshotd/hint_plan.h
%C%_test_hint_plan_LDADD = $(UNIT_LIBS)
