# Level 2: where names and addresses are, and which of them is nearest.
libreplica_data_la_SOURCES += \
	%D%/address.c %D%/address.h \
	%D%/current_database.c %D%/current_database.h \
	%D%/database.c %D%/database.h \
	%D%/database_paths.c %D%/database_paths.h \
	%D%/geo_state.c %D%/geo_state.h \
	%D%/hosts_file.c %D%/hosts_file.h \
	%D%/locator.c %D%/locator.h %D%/locator_internal.h \
	%D%/locator_files.c \
	%D%/metadata.c %D%/metadata.h \
	%D%/name_cache.c %D%/name_cache.h \
	%D%/order.c %D%/order.h \
	%D%/record.c %D%/record.h \
	%D%/resolver.c %D%/resolver.h
