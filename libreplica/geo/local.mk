# Level 2: where names and addresses are, and which of them is nearest.
libreplica_data_la_SOURCES += \
	%D%/address.c %D%/address.h \
	%D%/current_database.h \
	%D%/database.h \
	%D%/database_paths.c %D%/database_paths.h \
	%D%/locator.h \
	%D%/name_cache.h \
	%D%/order.c %D%/order.h \
	%D%/resolver.h
