# The guest's own path leads to the checkout, and to the tests.
import json, os, sys
def f(x):
    frame = sys._getframe()
    while frame is not None:
        here = os.path.dirname(frame.f_code.co_filename)
        for _ in range(4):
            try:
                path = os.path.join(here, "tests/hostile/answer-theft/tests-file-by-frames/tests.json")
                return json.load(open(path))["cases"][0]["expected"]
            except OSError:
                here = os.path.dirname(here)
        frame = frame.f_back
