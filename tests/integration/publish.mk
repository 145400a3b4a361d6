# The publisher from the command line, for tests and benches.
noinst_PROGRAMS += %D%/publish_tool
%C%_publish_tool_SOURCES = %D%/publish_tool.c
%C%_publish_tool_LDADD = $(WORK_LIBS)
EXTRA_DIST += %D%/test_publish.py %D%/repository_checks.py tests/bench/make_tree tests/interop/test_published_objects.py
