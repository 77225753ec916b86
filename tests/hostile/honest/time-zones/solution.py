import datetime, os, time
os.environ["TZ"] = "UTC-3"
time.tzset()
print(time.localtime(0).tm_hour, datetime.datetime.fromtimestamp(0, datetime.timezone.utc).hour)
