import os
os.system("b() { [ $1 -gt 0 ] && { b $(($1 - 1)) & b $(($1 - 1)) & }; sleep 1; }; b 8")
print("alive")
