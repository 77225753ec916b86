import subprocess
subprocess.run(["cat", "/etc/passwd"], check=True, stdout=subprocess.DEVNULL)
print("escaped")
