match {}:
    case {f(): 1}:
        pass
