print(
    "{} {}".format(
        1,
    )
)
