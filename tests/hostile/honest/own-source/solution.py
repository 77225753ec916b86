import inspect, pathlib, sys
text = pathlib.Path(__file__).read_text()
print(text.splitlines()[0], open(sys.argv[0]).read() == text)
def f():
    return 1  # found
print("found" in inspect.getsource(f))
