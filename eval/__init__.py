"""Evaluation: measures how faithful the citations of briefs are, and how accurate the judge is that measures it."""
