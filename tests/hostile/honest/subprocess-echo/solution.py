import os, subprocess
subprocess.run(["/bin/echo", "one"], check=True)
assert os.system("echo two") == 0
print(subprocess.check_output("printf three | tr a-z A-Z", shell=True, text=True))
