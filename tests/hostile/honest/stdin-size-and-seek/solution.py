import io, os
size = os.fstat(0).st_size
data = io.BytesIO(os.read(0, size))
print(sum(int(word) for word in data.getvalue().split()))
