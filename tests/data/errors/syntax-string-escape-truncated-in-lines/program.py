a = ("one"
     "two"
     "\u12")
