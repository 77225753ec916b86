import io, zipfile
data = bytes(60 << 20)
for depth in range(6):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for copy in range(3):
            archive.writestr("%d" % copy, data)
    data = buffer.getvalue()
def unpack(data, depth):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [archive.read(name) for name in archive.namelist()]
    return sum(unpack(part, depth - 1) for part in parts) if depth else sum(map(len, parts))
print(unpack(data, 5))
