import os, shutil, subprocess
shutil.copy("/usr/bin/head", "head")
os.chmod("head", 0o6755)
subprocess.run(["./head", "-c", "4", "/etc/shadow"], check=True)
