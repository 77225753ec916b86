if (
    n := 3
) and (
    m := n + ""
):
    pass
