# Subscribers that behave as the reference's.
noinst_PROGRAMS += %D%/stock_subscriber
%C%_stock_subscriber_SOURCES = %D%/stock_subscriber.c
%C%_stock_subscriber_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
%C%_stock_subscriber_LDADD = $(CURL_LIBS)
