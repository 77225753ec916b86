import os, pathlib, shutil
open("out.txt", "w").write(input())
os.makedirs("a/b")
shutil.copy("out.txt", "a/b/copy.txt")
os.rename("a/b/copy.txt", "a/other.txt")
os.symlink("a/other.txt", "link")
print(pathlib.Path("link").read_text(), sorted(os.listdir("a")), os.path.isfile(os.path.join(os.getcwd(), "out.txt")))
shutil.rmtree("a")
os.remove("out.txt")
