import json

data = json.loads(
    '{"a": 1,'
)
