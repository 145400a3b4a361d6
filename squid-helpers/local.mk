# The Squid helpers.
