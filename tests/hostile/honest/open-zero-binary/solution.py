with open(0, "rb", buffering=0) as file:
    data = file.readall()
print(sum(int(word) for word in data.split()))
