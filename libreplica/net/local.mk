# Level 3: fetching, on libcurl.
libreplica_work_la_SOURCES += \
	%D%/circuit_breaker.c %D%/circuit_breaker.h \
	%D%/connection_limit.c %D%/connection_limit.h \
	%D%/event_channel.c %D%/event_channel.h \
	%D%/event_follower.c %D%/event_follower.h \
	%D%/fetch.c %D%/fetch.h %D%/fetch_internal.h \
	%D%/fetch_server.c \
	%D%/fetch_text.c \
	%D%/fetch_transfer.c \
	%D%/fetch_upstreams.c \
	%D%/notification.c %D%/notification.h
