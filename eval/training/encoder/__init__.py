"""Calibrate the packaged encoder."""
