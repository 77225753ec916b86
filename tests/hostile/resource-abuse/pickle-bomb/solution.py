import pickle
# Each memo entry repeats the one before twice.
data = b"\x80\x02]q\x00(K\x01K\x01e" + b"".join(
    b"]q%c(h%ch%ce" % (i, i - 1, i - 1) for i in range(1, 40)
) + b"."
x = pickle.loads(data)
print(x == pickle.loads(data))
