# Level 1: the formats, pure: bytes in, struct out and back.
libreplica_data_la_SOURCES += \
	%D%/catalog_balance.c %D%/catalog_balance.h \
	%D%/catalog_compact.c \
	%D%/catalog_editor.c %D%/catalog_editor.h %D%/catalog_editor_internal.h \
	%D%/catalog_editor_nested.c \
	%D%/catalog_editor_rows.c \
	%D%/catalog_editor_trees.c \
	%D%/catalog_schema.c \
	%D%/chunker.c %D%/chunker.h \
	%D%/compress.c %D%/compress.h \
	%D%/deflate.h %D%/deflate_isal.c %D%/deflate_zlib.c \
	%D%/xattr_blob.c %D%/xattr_blob.h
libreplica_data_la_SOURCES += \
	%D%/event_stream.c %D%/event_stream.h \
	%D%/activity.c %D%/activity.h \
	%D%/certificate.c \
	%D%/hash.c %D%/hash.h \
	%D%/authority.c %D%/authority.h \
	%D%/catalog.c %D%/catalog.h %D%/catalog_internal.h \
	%D%/catalog_counters.c %D%/catalog_counters.h \
	%D%/catalog_paths.c \
	%D%/catalog_references.c \
	%D%/catalog_rules.c %D%/catalog_rules.h %D%/catalog_rules_internal.h \
	%D%/database.c %D%/database.h \
	%D%/database_rows.c \
	%D%/history.c %D%/history.h \
	%D%/history_editor.c %D%/history_editor.h \
	%D%/history_internal.h \
	%D%/history_rules.c \
	%D%/inflate.c %D%/inflate.h \
	%D%/key.c %D%/key_internal.h \
	%D%/manifest.c %D%/manifest.h \
	%D%/missing_report.c %D%/missing_report.h \
	%D%/message.c %D%/message.h \
	%D%/multipart.c %D%/multipart.h \
	%D%/object.c %D%/object.h \
	%D%/upload_path.c %D%/upload_path.h \
	%D%/partial_rules.c %D%/partial_rules.h \
	%D%/reflog.c %D%/reflog.h \
	%D%/geo_request.c %D%/geo_request.h \
	%D%/dirtab.c %D%/dirtab.h \
	%D%/glob.c %D%/glob.h \
	%D%/policy_conditions.c \
	%D%/policy_index.c \
	%D%/policy_match.c \
	%D%/policy_network.c %D%/policy_network.h \
	%D%/policy_query.c %D%/policy_query.h \
	%D%/policy_rules.c %D%/policy_rules.h %D%/policy_rules_internal.h \
	%D%/proxy_log.c %D%/proxy_log.h \
	%D%/request_path.c %D%/request_path.h \
	%D%/rewrite_apply.c \
	%D%/rewrite_rules.c %D%/rewrite_rules.h %D%/rewrite_rules_internal.h \
	%D%/rule_lines.c %D%/rule_lines.h \
	%D%/signature.c %D%/signature.h \
	%D%/signed_text.c %D%/signed_text.h \
	%D%/store_request.c %D%/store_request.h \
	%D%/store_rules.c %D%/store_rules.h \
	%D%/snapshot_history.c %D%/snapshot_history.h \
	%D%/whitelist.c %D%/whitelist.h
