# Level 5: the administrator's verbs, one a file.
libreplica_work_la_SOURCES += \
	%D%/add_replica.c %D%/add_replica.h \
	%D%/configuration_line.c %D%/configuration_line.h \
	%D%/create_repository.c %D%/create_repository.h \
	%D%/journal.c %D%/journal.h \
	%D%/new_folders.c %D%/new_folders.h \
	%D%/origin_options.c %D%/origin_options.h \
	%D%/owner.c %D%/owner.h \
	%D%/remove_repository.c %D%/remove_repository.h \
	%D%/replica_list.c %D%/replica_list.h \
	%D%/replica_snapshot.c %D%/replica_snapshot.h \
	%D%/repository_info.c %D%/repository_info.h \
	%D%/run_log.c %D%/run_log.h \
	%D%/server_info.c %D%/server_info.h \
	%D%/snapshot_slot.c %D%/snapshot_slot.h \
	%D%/status.c %D%/status.h \
	%D%/stratum0_configuration.c %D%/stratum0_configuration.h
