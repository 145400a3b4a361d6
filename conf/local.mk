# Configuration as installed.
