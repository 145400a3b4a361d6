# What the host's other programs read: installed as examples, systemd's files in their places.
squid_examplesdir = $(docdir)/examples/squid
dist_squid_examples_DATA = %D%/squid/squid-accelerator.conf %D%/squid/squid-site-proxy.conf \
	%D%/squid/policy-accelerator.conf %D%/squid/policy-site-proxy.conf \
	%D%/squid/store-id-accelerator.conf %D%/squid/store-id-site-proxy.conf \
	%D%/squid/rewrite.conf
cron_examplesdir = $(docdir)/examples/cron.d
dist_cron_examples_DATA = %D%/cron.d/cvmfs_geoip_db_update %D%/cron.d/cvmfs_stratum1_snapshot
logrotate_examplesdir = $(docdir)/examples/logrotate.d
dist_logrotate_examples_DATA = %D%/logrotate.d/cvmfs
selinux_examplesdir = $(docdir)/examples/selinux
dist_selinux_examples_SCRIPTS = %D%/selinux/replica.sh
conf_examplesdir = $(docdir)/examples
dist_conf_examples_DATA = %D%/examples/server.local

systemdsystemunit_DATA = %D%/systemd/snapshotd.service %D%/systemd/snapshotd-events.service
dist_systemdsystemunit_DATA = %D%/systemd/snapshotd-events.socket
EXTRA_DIST += %D%/systemd/snapshotd.service.in %D%/systemd/snapshotd-events.service.in \
	%D%/systemd/replica.sysusers %D%/systemd/replica.tmpfiles
CLEANFILES += %D%/systemd/snapshotd.service %D%/systemd/snapshotd-events.service
%D%/systemd/snapshotd.service: %D%/systemd/snapshotd.service.in Makefile
%D%/systemd/snapshotd-events.service: %D%/systemd/snapshotd-events.service.in Makefile
%D%/systemd/snapshotd.service %D%/systemd/snapshotd-events.service:
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	sed -e 's|@sbindir[@]|$(sbindir)|' $(srcdir)/$@.in >$@.new && mv $@.new $@
install-data-local:
	$(MKDIR_P) $(DESTDIR)$(prefix)/lib/sysusers.d $(DESTDIR)$(prefix)/lib/tmpfiles.d
	$(INSTALL_DATA) $(srcdir)/%D%/systemd/replica.sysusers \
		$(DESTDIR)$(prefix)/lib/sysusers.d/replica.conf
	$(INSTALL_DATA) $(srcdir)/%D%/systemd/replica.tmpfiles \
		$(DESTDIR)$(prefix)/lib/tmpfiles.d/replica.conf
uninstall-local:
	rm -f $(DESTDIR)$(prefix)/lib/sysusers.d/replica.conf \
		$(DESTDIR)$(prefix)/lib/tmpfiles.d/replica.conf
