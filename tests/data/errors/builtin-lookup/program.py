raise LookupError("nothing")
