"""Files, event logging and concurrency for the packages above; not a public interface."""
