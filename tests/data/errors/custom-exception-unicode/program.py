class Fehler(Exception):
    pass


größe = 3
raise Fehler("größer als " + str(größe))
