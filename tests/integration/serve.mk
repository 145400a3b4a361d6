# The module in real httpd; pytest runs these.
EXTRA_DIST += %D%/conftest.py %D%/checks.py %D%/servers.py %D%/tree.py \
	%D%/test_access.py %D%/test_alternative_path.py %D%/test_configuration.py \
	%D%/test_grammar.py %D%/test_info.py %D%/test_meta_file.py %D%/test_modules.py \
	%D%/test_object.py %D%/test_robots.py %D%/test_shipped_httpd_conf.py
