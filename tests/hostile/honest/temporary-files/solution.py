import os, tempfile
with tempfile.TemporaryDirectory() as folder, open(os.path.join(folder, "x"), "w+") as file:
    file.write(input())
    file.seek(0)
    print(file.read())
with tempfile.TemporaryFile("w+") as file, tempfile.NamedTemporaryFile() as other:
    file.write("two")
    file.seek(0)
    print(file.read(), os.path.exists(other.name))
