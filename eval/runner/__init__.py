"""Run a suite of questions, score the briefs, and compare the scorecard with thresholds and a baseline."""
