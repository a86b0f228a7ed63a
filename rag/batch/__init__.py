"""Many questions: the questions file, the run directory, the cost estimate."""
