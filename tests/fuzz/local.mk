# Fuzz targets and their replay.
EXTRA_DIST += %D%/fuzz_chunker.c
