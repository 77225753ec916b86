raise EncodingWarning("x")
