exec(compile("\n\n\n\n\n\n1 / 0", "program.py", "exec"))
