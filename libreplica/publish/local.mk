# Level 4: publishing, change set to signed revision.
libreplica_work_la_SOURCES += \
	%D%/archive.c %D%/archive.h %D%/archive_budget.c %D%/archive_budget.h %D%/archive_source.c %D%/archive_source.h \
	%D%/image.c %D%/image.h \
	%D%/image_digest.c %D%/image_digest.h \
	%D%/image_layers.c %D%/image_layers.h \
	%D%/image_scripts.c %D%/image_scripts.h \
	%D%/image_skeleton.c \
	%D%/layer_path.c %D%/layer_path.h \
	%D%/unpack.c %D%/unpack.h \
	%D%/whiteout.c %D%/whiteout.h \
	%D%/attributes.c %D%/attributes.h \
	%D%/balancing.c %D%/balancing.h \
	%D%/catalog_tree.c %D%/catalog_tree.h %D%/catalog_tree_internal.h \
	%D%/catalog_tree_shape.c \
	%D%/catalog_tree_store.c \
	%D%/catalogs.c %D%/catalogs.h %D%/catalogs_internal.h \
	%D%/catalogs_balance.c \
	%D%/change_contents.c \
	%D%/change_convenience.c \
	%D%/change_directories.c \
	%D%/change_files.c \
	%D%/change_move.c \
	%D%/change_paths.c \
	%D%/change_rows.c \
	%D%/compressor_record.c %D%/compressor_record.h \
	%D%/changes.c %D%/changes.h %D%/changes_internal.h \
	%D%/content.c %D%/content.h \
	%D%/create.c \
	%D%/directory.c \
	%D%/entry.c %D%/entry.h \
	%D%/head.c %D%/head.h \
	%D%/keyring.c %D%/keyring.h \
	%D%/listing.c %D%/listing.h \
	%D%/nesting.c %D%/nesting.h \
	%D%/predecessors.c %D%/predecessors.h \
	%D%/publication.c %D%/publication.h \
	%D%/publish.h \
	%D%/renewal.c %D%/renewal.h \
	%D%/rollback.c \
	%D%/root_log.c %D%/root_log.h \
	%D%/rows.c %D%/rows.h \
	%D%/run.c %D%/run.h \
	%D%/tagging.c %D%/tagging.h \
	%D%/tags.c %D%/tags.h \
	%D%/target.c \
	%D%/walk.c %D%/walk.h \
	%D%/whitelists.c %D%/whitelists.h \
	%D%/workers.c %D%/workers.h
