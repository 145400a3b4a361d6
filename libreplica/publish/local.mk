# Level 4: publishing, change set to signed revision.
libreplica_work_la_SOURCES += \
	%D%/attributes.c %D%/attributes.h \
	%D%/catalogs.c %D%/catalogs.h \
	%D%/content.c %D%/content.h \
	%D%/create.c \
	%D%/directory.c \
	%D%/head.c %D%/head.h \
	%D%/keyring.c %D%/keyring.h \
	%D%/listing.c %D%/listing.h \
	%D%/predecessors.c %D%/predecessors.h \
	%D%/publication.c %D%/publication.h \
	%D%/publish.h \
	%D%/root_log.c %D%/root_log.h \
	%D%/rows.c %D%/rows.h \
	%D%/run.c %D%/run.h \
	%D%/tagging.c %D%/tagging.h \
	%D%/tags.c %D%/tags.h \
	%D%/target.c \
	%D%/walk.c %D%/walk.h \
	%D%/workers.c %D%/workers.h
