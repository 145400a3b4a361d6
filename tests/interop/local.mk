# Data that the reference tools made, read through the library; pytest runs the rest.
noinst_PROGRAMS += %D%/tree_listing
%C%_tree_listing_SOURCES = %D%/tree_listing.c \
	%D%/repository_reader.c %D%/repository_reader.h
%C%_tree_listing_LDADD = $(DATA_LIBS)
