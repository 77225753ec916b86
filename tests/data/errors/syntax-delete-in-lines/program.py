del (
    a,
    1,
)
