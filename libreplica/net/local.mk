# Level 3: fetching, on libcurl.
libreplica_work_la_SOURCES += \
	%D%/circuit_breaker.c %D%/circuit_breaker.h \
	%D%/connection_limit.c %D%/connection_limit.h \
	%D%/fetch.c %D%/fetch.h %D%/fetch_internal.h \
	%D%/fetch_server.c \
	%D%/fetch_text.c \
	%D%/fetch_transfer.c \
	%D%/fetch_upstreams.c \
	%D%/notification.c %D%/notification.h
