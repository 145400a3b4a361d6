# Guards: what the design says about the code, checked by pytest from scripts/test.
EXTRA_DIST += \
	tests/loops.py tests/summary.py \
	%D%/conftest.py %D%/sources.py \
	%D%/test_documents.py %D%/test_layers.py %D%/test_requests.py %D%/test_sources.py %D%/test_symbols.py
