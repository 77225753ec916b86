class Boom(Exception):
    def __str__(self):
        raise ValueError
raise Boom(1)
