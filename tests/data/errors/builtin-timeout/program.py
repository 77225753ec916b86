raise TimeoutError("too late")
