# What stands in the file afterwards is no answer to where it failed.
open(__file__, "w").write("x = 1\n" * 3)
raise ValueError
