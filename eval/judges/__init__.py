"""Judges of support: the verifier or a chat model, the measurement of their accuracy, and labels given by people."""
