import os
raise IsADirectoryError(21, "Is a directory", ".")
