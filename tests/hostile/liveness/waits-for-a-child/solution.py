import subprocess
subprocess.run(["/bin/sleep", "1000"])
