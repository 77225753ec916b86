import math
match 3:
    case 1:
        pass
    case math.missing:
        pass
