# The httpd module.
httpd_modules_LTLIBRARIES = mod_replica.la
httpd_modulesdir = $(httpd_moddir)
mod_replica_la_SOURCES = \
	%D%/download.c %D%/download.h \
	%D%/upload.c %D%/upload.h \
	%D%/upload_door.c %D%/upload_door.h \
	%D%/handlers/repository_file.c \
	%D%/handlers/repository_files.c \
	%D%/config.c %D%/config.h \
	%D%/forwarded_for.c %D%/forwarded_for.h \
	%D%/geo_answer.c %D%/geo_answer.h \
	%D%/geo_config.c %D%/geo_config.h \
	%D%/geo_explanation.c %D%/geo_explanation.h \
	%D%/geo_origin.c %D%/geo_origin.h \
	%D%/missing_log.c %D%/missing_log.h \
	%D%/mod_replica.c \
	%D%/networks.c %D%/networks.h \
	%D%/reply.c %D%/reply.h \
	%D%/repository_cache.c %D%/repository_cache.h \
	%D%/request_client.c %D%/request_client.h \
	%D%/routes.c %D%/routes.h \
	%D%/status_chart.c \
	%D%/status_metrics.c \
	%D%/status_page.c %D%/status_page.h \
	%D%/text_builder.c %D%/text_builder.h \
	%D%/handlers/call.c \
	%D%/handlers/alternative_path.c \
	%D%/handlers/geo.c \
	%D%/handlers/handlers.h \
	%D%/handlers/info.c \
	%D%/handlers/key_file.c \
	%D%/handlers/master_replica.c \
	%D%/handlers/meta_file.c \
	%D%/handlers/object.c \
	%D%/handlers/robots.c \
	%D%/handlers/status.c
mod_replica_la_CPPFLAGS = $(AM_CPPFLAGS) $(HTTPD_CPPFLAGS)
mod_replica_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-export-symbols-regex '^replica_module$$'
mod_replica_la_LIBADD = $(DATA_LIBS)
