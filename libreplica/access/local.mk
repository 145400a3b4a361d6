# Level 2: who may do what.
libreplica_data_la_SOURCES += \
	%D%/access.h \
	%D%/access_files.c \
	%D%/access_identity.c \
	%D%/access_table.c
