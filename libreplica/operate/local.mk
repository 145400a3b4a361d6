# Level 5: the administrator's verbs, one a file.
libreplica_work_la_SOURCES += \
	%D%/journal.c %D%/journal.h \
	%D%/replica_snapshot.c %D%/replica_snapshot.h \
	%D%/status.c %D%/status.h
