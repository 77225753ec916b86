import multiprocessing
def square(x):
    return x * x
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(False)
    process = context.Process(target=lambda: writer.send([square(x) for x in range(5)]))
    process.start()
    print(reader.recv())
    process.join()
