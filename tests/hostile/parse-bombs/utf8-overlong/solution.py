printÀ¨1)
