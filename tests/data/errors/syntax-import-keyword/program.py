import os.class
