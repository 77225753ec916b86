import subprocess, time
running = [subprocess.Popen(["/bin/sleep", "2"]) for _ in range(100)]
time.sleep(0.5)
print("bang")
