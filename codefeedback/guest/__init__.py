"""What runs inside the sandboxed interpreter.

These modules import nothing of codefeedback and nothing outside the standard library, and run on
CPython 3.8 and later: the interpreter under test need not be ours. The grader imports only
`values` from here, so that both sides share one idea of a value on the wire.
"""
