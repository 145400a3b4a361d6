# The snapshot daemon.
sbin_PROGRAMS += snapshotd/snapshotd
snapshotd_snapshotd_SOURCES = \
	%D%/commit.c %D%/commit_internal.h \
	%D%/commit_apply.c \
	%D%/commit_expiry.c \
	%D%/commit_queue.c \
	%D%/commit_unpack.c \
	%D%/door.c %D%/door.h %D%/door_internal.h \
	%D%/door_answer.c \
	%D%/door_connection.c \
	%D%/door_outgoing.c \
	%D%/door_replays.c \
	%D%/door_rights.c \
	%D%/door_views.c \
	%D%/door_work.c \
	%D%/administer.c \
	%D%/housekeeping.c \
	%D%/look.c \
	%D%/upload.c %D%/upload.h \
	%D%/daemon_door.c \
	%D%/daemon.c %D%/daemon.h \
	%D%/daemon_events.c \
	%D%/daemon_geo.c \
	%D%/daemon_missing.c \
	%D%/daemon_scan.c \
	%D%/daemon_scrub.c \
	%D%/daemon_sign.c \
	%D%/daemon_sources.c \
	%D%/daemon_status.c \
	%D%/event_sources.c %D%/event_sources.h \
	%D%/event_topics.c %D%/event_topics.h \
	%D%/events_listen.c \
	%D%/events_main.c \
	%D%/events_publish.c \
	%D%/events_queries.c \
	%D%/events_requests.c \
	%D%/events_server.h \
	%D%/events_stream.c \
	%D%/events_subscribe.c \
	%D%/events_worker.c %D%/events_worker.h \
	%D%/geo_job.c %D%/geo_job.h \
	%D%/hint_plan.c %D%/hint_plan.h \
	%D%/job.c %D%/job.h \
	%D%/main.c \
	%D%/schedule.c %D%/schedule.h \
	%D%/scrub_job.c %D%/scrub_job.h \
	%D%/scrub_plan.c %D%/scrub_plan.h \
	%D%/sign_plan.c %D%/sign_plan.h \
	%D%/state_command.c %D%/state_command.h
snapshotd_snapshotd_CFLAGS = $(AM_CFLAGS) $(EVENT_CFLAGS) $(SYSTEMD_CFLAGS)
snapshotd_snapshotd_LDADD = $(WORK_LIBS) $(EVENT_LIBS) $(SYSTEMD_LIBS)
