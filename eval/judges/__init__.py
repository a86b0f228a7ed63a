"""Who says what is supported: judges, their accuracy, and labels by people."""
