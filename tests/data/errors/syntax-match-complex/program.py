match 1:
    case 1 + 1j + 2:
        pass
