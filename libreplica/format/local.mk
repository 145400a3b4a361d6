# Level 1: the formats, pure: bytes in, struct out and back.
libreplica_data_la_SOURCES += \
	%D%/hash.c %D%/hash.h \
	%D%/catalog.h \
	%D%/history.h \
	%D%/inflate.h \
	%D%/manifest.h \
	%D%/object.c %D%/object.h \
	%D%/reflog.h \
	%D%/request_path.h \
	%D%/signature.h \
	%D%/whitelist.h
