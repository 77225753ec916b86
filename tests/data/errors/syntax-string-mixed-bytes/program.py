text = ("a"
        b"b")
