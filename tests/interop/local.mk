# Data that the reference tools made, read through the library; pytest runs the rest.
noinst_PROGRAMS += %D%/tree_listing
%C%_tree_listing_SOURCES = %D%/tree_listing.c \
	%D%/repository_reader.c %D%/repository_reader.h
%C%_tree_listing_LDADD = $(DATA_LIBS)
noinst_PROGRAMS += %D%/geo_lookup
%C%_geo_lookup_SOURCES = %D%/geo_lookup.c
%C%_geo_lookup_LDADD = $(DATA_LIBS)
