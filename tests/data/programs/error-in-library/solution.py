import json
x = '{'
json.loads(x)
