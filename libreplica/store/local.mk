# Level 2: the object store, status files, repository configuration.
libreplica_data_la_SOURCES += \
	%D%/daemon_call.c %D%/daemon_call.h \
	%D%/expiry.c %D%/expiry.h \
	%D%/message_io.c %D%/message_io.h \
	%D%/store_uploads.c %D%/store_uploads.h \
	%D%/tree_view.c %D%/tree_view.h \
	%D%/upload_writer.c %D%/upload_writer.h \
	%D%/dirty_marker.c %D%/dirty_marker.h \
	%D%/file.c %D%/file.h \
	%D%/master_keys.c %D%/master_keys.h \
	%D%/partial_replica.c %D%/partial_replica.h \
	%D%/public_key.c %D%/public_key.h \
	%D%/reflog_file.c %D%/reflog_file.h \
	%D%/repository.c %D%/repository.h \
	%D%/scrub_state.c %D%/scrub_state.h \
	%D%/server_report.c %D%/server_report.h \
	%D%/server_report_json.c \
	%D%/store.c %D%/store.h %D%/store_internal.h \
	%D%/store_files.c \
	%D%/stored_catalog.c %D%/stored_catalog.h \
	%D%/store_read.c %D%/store_read.h \
	%D%/store_write.c
