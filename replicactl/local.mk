# The administrator's tool.
bin_PROGRAMS += replicactl/replicactl
replicactl_replicactl_SOURCES = \
	%D%/cmd_snapshot.c \
	%D%/command.c %D%/command.h \
	%D%/main.c
replicactl_replicactl_LDADD = $(WORK_LIBS)
