print(bu"text")
