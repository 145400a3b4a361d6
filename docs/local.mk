# Documents.
EXTRA_DIST += %D%/requests.md
