raise PythonFinalizationError("x")
