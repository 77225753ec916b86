import calendar, datetime, locale, time
for name in ("C.UTF-8", "C", ""):
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        pass
day = datetime.date(2024, 2, 29)
print(day.strftime("%A %d %B"), day + datetime.timedelta(365), calendar.isleap(2024), time.gmtime(0).tm_year)
time.localtime(), datetime.datetime.now(), time.perf_counter()
time.sleep(0.01)
