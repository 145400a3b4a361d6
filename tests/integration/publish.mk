# The publisher from the command line, for tests and benches.
TOOL_OPTIONS = %D%/tool_options.c %D%/tool_options.h
noinst_PROGRAMS += %D%/change_tool %D%/compress_tool %D%/publish_tool
%C%_compress_tool_SOURCES = %D%/compress_tool.c
%C%_compress_tool_LDADD = $(DATA_LIBS)
%C%_change_tool_SOURCES = %D%/change_tool.c $(TOOL_OPTIONS)
%C%_change_tool_LDADD = $(WORK_LIBS)
%C%_publish_tool_SOURCES = %D%/publish_tool.c $(TOOL_OPTIONS)
%C%_publish_tool_LDADD = $(WORK_LIBS)
EXTRA_DIST += tests/bench/make_tree
