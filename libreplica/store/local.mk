# Level 2: the object store, status files, repository configuration.
libreplica_data_la_SOURCES += \
	%D%/repository.h \
	%D%/store.h
