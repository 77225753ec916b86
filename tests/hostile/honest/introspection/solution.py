import ast, dis, gc, sys, tracemalloc
print(ast.dump(ast.parse("1 + x", mode="eval"))[:10], sys._getframe().f_code.co_name)
gc.collect()
sys.settrace(lambda *rest: None)
sys.settrace(None)
dis.Bytecode(lambda: 1)
tracemalloc.start()
print(tracemalloc.get_traced_memory()[0] >= 0, sys.getsizeof([]) > 0)
