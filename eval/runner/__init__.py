"""Run a suite, score its briefs, compare with thresholds and a baseline, and report."""
