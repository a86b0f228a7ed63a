"""Atomic file writes, cached files, event logging and concurrency for the other packages; not a public interface."""
