"""The command line: one verb a job, with options read from the specs."""
