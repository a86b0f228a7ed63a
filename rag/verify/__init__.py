"""Does this evidence support this sentence?"""
