"""The command line: parse the arguments, call the pipeline, print the result. Start reading at ``rag/cli/main.py``."""
