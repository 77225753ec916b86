from concurrent.futures import Future

f = Future()
f.set_exception(ValueError("later"))
f.result()
