import os
print(os.path.exists('mark'))
open('mark', 'w').close()
