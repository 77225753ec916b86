import urllib.request
try:
    urllib.request.urlopen("http://127.0.0.1:47610/", timeout=0.3)
except TimeoutError:
    print("escaped")
