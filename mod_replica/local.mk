# The httpd module.
