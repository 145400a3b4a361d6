# Level 5: the administrator's verbs, one a file.
