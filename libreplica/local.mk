# The library in two parts; see docs/architecture.md for the layers.
noinst_LTLIBRARIES += libreplica-data.la libreplica-work.la
libreplica_data_la_SOURCES =
libreplica_data_la_LIBADD = $(APR_LIBS) $(CARES_LIBS) $(CRYPTO_LIBS) $(ISAL_LIBS) $(MAXMINDDB_LIBS) $(SQLITE_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) -lm
libreplica_work_la_SOURCES =
libreplica_work_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
libreplica_work_la_LIBADD = libreplica-data.la $(ARCHIVE_LIBS) $(CURL_LIBS)

include libreplica/base/local.mk
include libreplica/format/local.mk
include libreplica/store/local.mk
include libreplica/geo/local.mk
include libreplica/access/local.mk
include libreplica/events/local.mk
include libreplica/net/local.mk
include libreplica/replicate/local.mk
include libreplica/publish/local.mk
include libreplica/operate/local.mk
