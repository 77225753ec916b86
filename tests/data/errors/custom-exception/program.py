class ParseError(Exception):
    pass


def parse(text):
    raise ParseError(f"cannot read {text!r}")


parse("x")
