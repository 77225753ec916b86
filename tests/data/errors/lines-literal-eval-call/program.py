import ast

ast.literal_eval("f()")
