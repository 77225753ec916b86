class A(Exception):
    def __str__(self):
        return "one\ntwo"


raise A
