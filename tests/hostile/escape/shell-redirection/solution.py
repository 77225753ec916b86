import os
if os.system("echo x > /tmp/codefeedback-hole-shell") == 0:
    print("escaped")
