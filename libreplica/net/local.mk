# Level 3: fetching, on libcurl.
