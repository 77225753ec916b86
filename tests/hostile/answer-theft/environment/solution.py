import os
for name, value in os.environ.items():
    if name.startswith("CODEFEEDBACK") or "canary" in value:
        print(value[:6])
