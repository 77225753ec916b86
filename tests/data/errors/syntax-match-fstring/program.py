match "a":
    case f"{1}":
        pass
