# Tests that `make check` runs; scripts/test runs these and the pytest suites.
TESTS = $(check_PROGRAMS) $(check_SCRIPTS)
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
AM_TESTS_ENVIRONMENT = CMOCKA_MESSAGE_OUTPUT=TAP; export CMOCKA_MESSAGE_OUTPUT; \
	top_srcdir='$(top_srcdir)'; export top_srcdir; top_builddir='$(top_builddir)'; export top_builddir;
check_SCRIPTS =
include tests/unit/local.mk
include tests/integration/publish.mk
include tests/integration/crash.mk
include tests/integration/events.mk
include tests/fuzz/local.mk
include tests/interop/local.mk
include tests/bench/local.mk
