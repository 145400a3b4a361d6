# Level 0: what everything else stands on.
libreplica_data_la_SOURCES += \
	%D%/clock.c %D%/clock.h \
	%D%/date.c %D%/date.h \
	%D%/date_phrase.c %D%/date_phrase.h \
	%D%/error.c %D%/error.h \
	%D%/human.c %D%/human.h \
	%D%/lock.c %D%/lock.h \
	%D%/log.c %D%/log.h \
	%D%/pace.c %D%/pace.h \
	%D%/settings.c %D%/settings.h %D%/settings.def \
	%D%/settings_parse.c \
	%D%/siphash.c %D%/siphash.h \
	%D%/sorted_records.c %D%/sorted_records.h \
	%D%/text.c %D%/text.h \
	%D%/thread.c %D%/thread.h
