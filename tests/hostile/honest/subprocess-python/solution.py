import subprocess, sys
done = subprocess.run([sys.executable, "-c", "print(sum(map(int, input().split())))"], input="1 2 3", capture_output=True, text=True, check=True)
print(done.stdout.strip())
