raise ChildProcessError("child")
