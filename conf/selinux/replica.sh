#!/bin/sh
# Labels and ports for SELinux (EL). Run as root once after installation; safe to repeat.
set -e
for path in /srv/cvmfs /var/spool/cvmfs /var/lib/cvmfs-server/geo; do
    semanage fcontext -a -t httpd_sys_content_t "$path(/.*)?" 2>/dev/null ||
        semanage fcontext -m -t httpd_sys_content_t "$path(/.*)?"
done
# httpd reports missing objects here.
semanage fcontext -a -t httpd_sys_rw_content_t '/var/spool/cvmfs/httpd(/.*)?' 2>/dev/null ||
    semanage fcontext -m -t httpd_sys_rw_content_t '/var/spool/cvmfs/httpd(/.*)?'
# Port 8000 is soundd_port_t by default; Squid may only listen on http ports.
semanage port -a -t http_port_t -p tcp 8000 2>/dev/null ||
    semanage port -m -t http_port_t -p tcp 8000
restorecon -R /srv/cvmfs /var/spool/cvmfs /var/lib/cvmfs-server /var/log/cvmfs
