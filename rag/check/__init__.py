"""Verify anybody's brief again."""
