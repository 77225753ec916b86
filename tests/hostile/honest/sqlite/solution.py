try:
    import sqlite3
except ImportError:
    print(6)
else:
    for place in (":memory:", "data.db"):
        base = sqlite3.connect(place)
        base.execute("create table t (x)")
        base.executemany("insert into t values (?)", [(1,), (2,), (3,)])
        base.commit()
    print(base.execute("select sum(x) from t").fetchone()[0])
