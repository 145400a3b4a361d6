# The Squid helpers: what all of them share, what each of them is, then a program each.
noinst_LTLIBRARIES += libreplica-helper.la
libreplica_helper_la_SOURCES = \
	%D%/geo_origins.c %D%/geo_origins.h \
	%D%/helper_exchange.c %D%/helper_exchange.h \
	%D%/helper_line.c %D%/helper_line.h \
	%D%/helper_loop.c %D%/helper_loop.h \
	%D%/helper_watch.c %D%/helper_watch.h \
	%D%/policy_explain.c %D%/policy_explain.h \
	%D%/policy_program.c %D%/programs.h \
	%D%/policy_request.c %D%/policy_request.h \
	%D%/rewrite_program.c \
	%D%/rule_files.c %D%/rule_files.h \
	%D%/rule_program.c %D%/rule_program.h \
	%D%/store_answer.c %D%/store_answer.h \
	%D%/store_explain.c %D%/store_explain.h \
	%D%/store_program.c
libreplica_helper_la_LIBADD = libreplica-data.la
HELPER_LIBS = libreplica-helper.la $(DATA_LIBS)

pkglibexec_PROGRAMS += %D%/replica-policy %D%/replica-rewrite %D%/replica-store-id
%C%_replica_policy_SOURCES = %D%/replica-policy.c
%C%_replica_policy_LDADD = $(HELPER_LIBS)
%C%_replica_rewrite_SOURCES = %D%/replica-rewrite.c
%C%_replica_rewrite_LDADD = $(HELPER_LIBS)
%C%_replica_store_id_SOURCES = %D%/replica-store-id.c
%C%_replica_store_id_LDADD = $(HELPER_LIBS)
