"""Is the answer right? Comparison by named policy, and the judgement of a case."""
