# Level 5: the administrator's verbs, one a file.
libreplica_work_la_SOURCES += \
	%D%/stratum0_configuration.c %D%/stratum0_configuration.h
libreplica_work_la_SOURCES += \
	%D%/journal.c %D%/journal.h \
	%D%/replica_list.c %D%/replica_list.h \
	%D%/replica_snapshot.c %D%/replica_snapshot.h \
	%D%/run_log.c %D%/run_log.h \
	%D%/snapshot_slot.c %D%/snapshot_slot.h \
	%D%/status.c %D%/status.h
