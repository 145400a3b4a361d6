# Level 5: the administrator's verbs, one a file.
libreplica_work_la_SOURCES += \
	%D%/activity_check.c %D%/activity_check.h \
	%D%/add_replica.c %D%/add_replica.h \
	%D%/adopt.c %D%/adopt.h %D%/adopt_internal.h \
	%D%/adopt_cron.c \
	%D%/adopt_file.c \
	%D%/adopt_httpd.c \
	%D%/adopt_notes.c \
	%D%/adopt_owner.c \
	%D%/adopt_record.c \
	%D%/adopt_repositories.c \
	%D%/adopt_unit.c \
	%D%/adopt_walk.c %D%/adopt_walk.h \
	%D%/catalog_levels.c %D%/catalog_levels.h \
	%D%/check.c %D%/check.h %D%/check_internal.h \
	%D%/check_catalogs.c \
	%D%/check_head.c \
	%D%/check_ledger.c %D%/check_ledger.h \
	%D%/check_object.c \
	%D%/check_objects.c \
	%D%/check_record.c %D%/check_record.h \
	%D%/check_reflog.c \
	%D%/check_report.c \
	%D%/check_roots.c \
	%D%/check_suspects.c %D%/check_suspects.h \
	%D%/check_waiting.c \
	%D%/clean_expired.c %D%/clean_expired.h \
	%D%/client_configuration.c %D%/client_configuration.h \
	%D%/client_origin.c %D%/client_origin.h \
	%D%/configuration_line.c %D%/configuration_line.h \
	%D%/create_repository.c %D%/create_repository.h \
	%D%/deletion_log.c %D%/deletion_log.h \
	%D%/expired.c %D%/expired.h \
	%D%/gc.c %D%/gc.h %D%/gc_internal.h \
	%D%/gc_condemn.c \
	%D%/gc_grace.c %D%/gc_grace.h \
	%D%/gc_journal.c %D%/gc_journal.h \
	%D%/gc_keep.c %D%/gc_keep.h \
	%D%/gc_mark.c \
	%D%/gc_reflog.c %D%/gc_reflog.h \
	%D%/gc_sweep.c %D%/gc_sweep.h \
	%D%/geo_archive.c %D%/geo_archive.h \
	%D%/geo_download.c %D%/geo_download.h \
	%D%/geo_files.c %D%/geo_files.h \
	%D%/geo_install.c %D%/geo_install.h \
	%D%/geo_slot.c %D%/geo_slot.h \
	%D%/geo_source.c %D%/geo_source.h \
	%D%/import_examine.c \
	%D%/import_repository.c %D%/import_repository.h \
	%D%/journal.c %D%/journal.h \
	%D%/key_files.c %D%/key_files.h \
	%D%/new_folders.c %D%/new_folders.h \
	%D%/origin_options.c %D%/origin_options.h \
	%D%/owner.c %D%/owner.h \
	%D%/proxy_accelerator.c \
	%D%/proxy_configuration.c %D%/proxy_configuration.h \
	%D%/proxy_contradiction.c \
	%D%/proxy_helpers.c \
	%D%/proxy_needs.c %D%/proxy_needs.h \
	%D%/proxy_networks.c %D%/proxy_networks.h \
	%D%/proxy_options.c %D%/proxy_options.h \
	%D%/proxy_site.c %D%/proxy_text.h \
	%D%/proxy_summary.c %D%/proxy_summary.h \
	%D%/proxy_summary_json.c \
	%D%/remove_repository.c %D%/remove_repository.h \
	%D%/replica_gc.c %D%/replica_gc.h \
	%D%/renew_whitelist.c %D%/renew_whitelist.h \
	%D%/replica_list.c %D%/replica_list.h \
	%D%/replica_snapshot.c %D%/replica_snapshot.h \
	%D%/repository_info.c %D%/repository_info.h \
	%D%/repository_paths.c %D%/repository_paths.h \
	%D%/revision_diff.c %D%/revision_diff.h \
	%D%/revision_tree.c %D%/revision_tree.h \
	%D%/run_log.c %D%/run_log.h \
	%D%/scrub.c %D%/scrub.h %D%/scrub_internal.h \
	%D%/scrub_finding.c \
	%D%/scrub_missing.c \
	%D%/scrub_object.c \
	%D%/served_objects.c %D%/served_objects.h \
	%D%/server_info.c %D%/server_info.h \
	%D%/snapshot_slot.c %D%/snapshot_slot.h \
	%D%/status.c %D%/status.h \
	%D%/stratum0_configuration.c %D%/stratum0_configuration.h \
	%D%/ttl_manifest.c %D%/ttl_manifest.h \
	%D%/tree_owner.c %D%/tree_owner.h \
	%D%/update_geodb.c %D%/update_geodb.h \
	%D%/web_configuration.c %D%/web_configuration.h \
	%D%/upstream.c %D%/upstream.h
