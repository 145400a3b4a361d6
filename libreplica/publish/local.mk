# Level 4: publishing, change set to signed revision.
