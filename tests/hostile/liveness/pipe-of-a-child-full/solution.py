import subprocess, sys
child = subprocess.Popen(["/bin/sh", "-c", "while :; do echo y; done"], stdout=subprocess.PIPE)
child.wait()
