dict(
    a=1,
    b=[][0],
    c=3,
)
