# Who reads the program's file or folder afterwards must not wait for ever.
import os
os.unlink(__file__)
os.mkfifo(__file__)
os.mkfifo("more")
raise ValueError
