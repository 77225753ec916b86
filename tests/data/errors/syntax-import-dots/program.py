import ..os
