# The publisher from the command line, for tests and benches.
noinst_PROGRAMS += %D%/publish_tool
%C%_publish_tool_SOURCES = %D%/publish_tool.c
%C%_publish_tool_LDADD = $(WORK_LIBS)
EXTRA_DIST += tests/bench/make_tree
