# Configuration as installed.
httpd_examplesdir = $(docdir)/examples/httpd
httpd_examples_DATA = %D%/httpd/replica.conf
CLEANFILES += %D%/httpd/replica.conf
EXTRA_DIST += %D%/httpd/replica.conf.in
%D%/httpd/replica.conf: %D%/httpd/replica.conf.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's|@httpd_moddir[@]|$(httpd_moddir)|' $(srcdir)/$@.in >$@.new && mv $@.new $@

# What packages are made from.
EXTRA_DIST += %D%/debian %D%/rpm
