"""The evaluation harness: how faithful are the citations of a brief, and how good is the judge that says so?"""
