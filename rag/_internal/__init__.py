"""Atomic file writes, cached files, weights as differences, event logging and concurrency; not a public interface."""
