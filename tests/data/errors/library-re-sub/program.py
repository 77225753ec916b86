import re

re.sub("a", lambda match: match.group(1), "a")
