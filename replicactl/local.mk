# The administrator's tool.
bin_PROGRAMS += replicactl/replicactl
replicactl_replicactl_SOURCES = \
	%D%/check_all.c %D%/check_all.h \
	%D%/check_run.c %D%/check_run.h \
	%D%/cmd_absent.c \
	%D%/cmd_add_replica.c \
	%D%/cmd_adopt.c \
	%D%/cmd_gc.c \
	%D%/cmd_check.c \
	%D%/cmd_clean.c \
	%D%/cmd_client_config.c \
	%D%/cmd_diff.c \
	%D%/cmd_import.c \
	%D%/cmd_info.c \
	%D%/cmd_ingest.c \
	%D%/cmd_list.c \
	%D%/cmd_list_catalogs.c \
	%D%/cmd_mkfs.c \
	%D%/cmd_notify.c \
	%D%/cmd_proxy_config.c \
	%D%/cmd_proxy_log.c \
	%D%/cmd_publish.c \
	%D%/cmd_renew_certificate.c \
	%D%/cmd_resign.c \
	%D%/cmd_rmfs.c \
	%D%/cmd_rollback.c \
	%D%/cmd_scrub.c \
	%D%/cmd_snapshot.c \
	%D%/cmd_status.c \
	%D%/cmd_tag.c \
	%D%/cmd_token.c \
	%D%/cmd_update_geodb.c \
	%D%/cmd_update_info.c \
	%D%/command.c %D%/command.h \
	%D%/gc_all.c %D%/gc_all.h \
	%D%/main.c \
	%D%/new_stratum0.c %D%/new_stratum0.h \
	%D%/progress.c %D%/progress.h \
	%D%/publishing.c %D%/publishing.h \
	%D%/reading.c %D%/reading.h \
	%D%/snapshot_all.c %D%/snapshot_all.h \
	%D%/tag_table.c %D%/tag_table.h
replicactl_replicactl_LDADD = $(WORK_LIBS)
replicactl_replicactl_CPPFLAGS = $(AM_CPPFLAGS) -DHELPER_FOLDER='"$(pkglibexecdir)"'
