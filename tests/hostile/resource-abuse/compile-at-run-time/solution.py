source = "x = " + "+".join("(%s)" % "+".join("a%d" % j for j in range(900)) for i in range(4000))
while True:
    compile(source, "made", "exec")
