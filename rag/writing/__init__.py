"""Question and hits to a brief: outline, writers, repair and composition."""
