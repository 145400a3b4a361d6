# Level 4: replication, origin to tree.
libreplica_work_la_SOURCES += \
	%D%/catalog_walk.c %D%/catalog_walk.h %D%/catalog_walk_internal.h \
	%D%/doubtful_catalogs.c \
	%D%/ensemble.c %D%/ensemble.h \
	%D%/object_transfer.c %D%/object_transfer.h \
	%D%/object_window.c %D%/object_window.h \
	%D%/small_object.c %D%/small_object.h \
	%D%/snapshot.c %D%/snapshot.h %D%/snapshot_internal.h \
	%D%/snapshot_finish.c \
	%D%/snapshot_reflog.c \
	%D%/snapshot_tags.c \
	%D%/snapshot_upstreams.c \
	%D%/upstreams.c %D%/upstreams.h \
	%D%/walk_catalog.c \
	%D%/walk_object.c \
	%D%/walk_predecessor.c
