# Level 2: the event log.
libreplica_data_la_SOURCES += \
	%D%/announce.c %D%/announce.h \
	%D%/event_log.c %D%/event_log.h \
	%D%/event_watch.c %D%/event_watch.h
