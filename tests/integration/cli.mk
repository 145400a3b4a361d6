# The administrator's tool, from the command line.
EXTRA_DIST += \
	%D%/cli.py %D%/test_cli_add_replica.py %D%/test_cli_list.py %D%/test_cli_mkfs.py \
	%D%/test_cli_rmfs.py %D%/test_cli_snapshot.py %D%/test_cli_update_info.py
