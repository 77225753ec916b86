print("a"
      f"{1 1}"
      "b")
