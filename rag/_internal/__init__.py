"""Atomic file writes, event logging and concurrency for the other packages; not a public interface."""
