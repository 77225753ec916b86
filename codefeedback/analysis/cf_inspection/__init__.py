"""What looks at a program without running it: pyflakes, libcst, and its statements.

Runs inside a guest, since text alone can crash a parser. The guest finds this package by its own
name, so it imports nothing of codefeedback's; `codefeedback.analysis.inspecting` is the other end.
"""
