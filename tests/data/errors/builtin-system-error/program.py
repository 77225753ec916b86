raise SystemError("inside")
